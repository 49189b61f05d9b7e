"""PostgreSQL refuses to run as root: what it runs as instead."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.common.embedded.errors import EmbeddedServicesError
from core.common.embedded.processes import Account

FALLBACK_ACCOUNTS = ("engagex", "postgres", "nobody")
# Any number but 0 does: outside the namespace the process stays the same user, and files keep their owner.
NAMESPACE_PREFIX = ("--user", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True)
class Privileges:
    """What is put before a command line, and the account it runs as; both empty for an ordinary user."""

    prefix: tuple[str, ...] = ()
    account: Account | None = None


def choose_privileges(*needed: Path) -> Privileges:
    """Return how to run a program that refuses root and must reach the ``needed`` paths.

    As root: a user namespace in which we are somebody else, without a new account and without a chmod; where
    namespaces are forbidden (most containers), the first unprivileged account of FALLBACK_ACCOUNTS.
    Raises EmbeddedServicesError when a directory on the way to a needed path is closed to it.
    """
    if os.geteuid() != 0:
        return Privileges()
    unshare = shutil.which("unshare")
    if unshare and _works([unshare, *NAMESPACE_PREFIX, "true"]):
        # Inside the namespace root loses its right to enter every directory.
        _require_reachable(needed, uid=0, gids={0}, who="root without its special rights")
        return Privileges(prefix=(unshare, *NAMESPACE_PREFIX))
    account = _fallback_account()
    _require_reachable(needed, uid=account.uid, gids={account.gid}, who=f"the account {account.name!r}")
    return Privileges(account=account)


def _works(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _fallback_account() -> Account:
    for name in FALLBACK_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServicesError(
        "PostgreSQL refuses to run as root, and there is neither a user namespace nor one of the accounts "
        f"{', '.join(FALLBACK_ACCOUNTS)} to use instead. Run as an ordinary user, or set DATABASE_URL."
    )


def _require_reachable(paths: Sequence[Path], *, uid: int, gids: set[int], who: str) -> None:
    for path in paths:
        closed = closed_parent(path, uid=uid, gids=gids)
        if closed:
            raise EmbeddedServicesError(
                f"PostgreSQL does not run as root but as {who}, which may not enter {closed} (on the way to {path}). "
                "Run EngageX as an ordinary user, move it (or ENGAGEX_DATA_DIR) to an open directory, or set "
                "DATABASE_URL."
            )


def closed_parent(path: Path, *, uid: int, gids: set[int]) -> Path | None:
    """Return the first directory above ``path`` that the user may not enter (POSIX mode bits), or None."""
    for parent in reversed(path.parents):
        found = parent.stat()
        if found.st_uid == uid:
            needed = stat.S_IXUSR
        else:
            needed = stat.S_IXGRP if found.st_gid in gids else stat.S_IXOTH
        if not found.st_mode & needed:
            return parent
    return None
