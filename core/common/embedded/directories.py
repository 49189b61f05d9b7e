"""The directories of the services: made private, and refused when somebody else could have made them."""

import os
import stat
from pathlib import Path

from core.common.embedded.errors import EmbeddedServicesError
from core.common.embedded.processes import Account

# The mode is the access control: PostgreSQL trusts whoever reaches its socket.
PRIVATE = 0o700
# Only the way through for the unprivileged account when we run as root without user namespaces.
PASSAGE = 0o711


def private_directory(path: Path, *, mode: int = PRIVATE, account: Account | None = None) -> Path:
    """Make ``path`` (and its parents) if missing, give it ``mode`` and the account as owner, and return it.

    Raises EmbeddedServicesError when it is a link, no directory, or belongs to another user: in a temporary
    directory anybody could have put it there first.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise EmbeddedServicesError(
            f"The directory {path} cannot be made: {error.strerror}. Choose another with ENGAGEX_DATA_DIR."
        ) from error
    owners = {os.geteuid()} | ({account.uid} if account else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise EmbeddedServicesError(
            f"{path} is not a directory of user {os.geteuid()} (its owner is user {found.st_uid}). Run EngageX as its "
            "owner, or choose another data directory with ENGAGEX_DATA_DIR."
        )
    if account and found.st_uid != account.uid:
        os.chown(path, account.uid, account.gid)
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
    return path
