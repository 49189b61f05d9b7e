"""The embedded Redis-protocol server. It carries wake-ups and caches: nothing that must not be lost."""

import signal
import socket
import time
from pathlib import Path

from core.common.embedded.binaries import find_valkey
from core.common.embedded.directories import private_directory
from core.common.embedded.errors import EmbeddedServicesError
from core.common.embedded.locations import socket_directory, valkey_socket
from core.common.embedded.processes import Account, Announce, Child, ProcessSpec, log_tail, ticks

READY_SECONDS = 60.0


class EmbeddedValkey:
    """One server with its append-only file in ``data_dir/valkey``, reached over a socket only its user can open."""

    def __init__(
        self, data_dir: Path, *, fsync: bool = True, announce: Announce, account: Account | None = None
    ) -> None:
        self.directory = data_dir / "valkey"
        self.log_file = data_dir / "logs" / "valkey.log"
        self.socket = valkey_socket(data_dir)
        self._sockets = socket_directory(data_dir)
        self._sockets_account = account
        self._announce = announce
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes" if fsync else "no",
            "aof-load-truncated": "yes",  # after kill -9 the last command may be cut short
            "save": "",
            "maxmemory-policy": "noeviction",  # a broker must not forget queued work
        }
        argv = [find_valkey(), *(part for name, value in settings.items() for part in (f"--{name}", value))]
        self.child = Child(
            ProcessSpec(name="valkey", argv=argv, stop_signal=signal.SIGTERM, log_file=self.log_file),
            record_dir=data_dir / "pids",
            announce=announce,
        )

    def start(self) -> None:
        """Start the server and wait until it answers; data it cannot read are put aside, as nothing in them is needed.

        Raises EmbeddedServicesError with the end of the server's log when it does not come up.
        """
        private_directory(self._sockets, account=self._sockets_account)
        private_directory(self.directory)
        tail = self._try_start()
        if tail is not None and any(self.directory.iterdir()):
            aside = self.directory.with_name(f"valkey.unreadable-{time.strftime('%Y%m%d-%H%M%S')}")
            self._announce(f"Valkey cannot read its data: moved to {aside}, starting empty (only caches are lost)")
            self.directory.rename(aside)
            private_directory(self.directory)
            tail = self._try_start()
        if tail is not None:
            raise EmbeddedServicesError(f"Valkey did not start. Its log ({self.log_file}) ends with:\n{tail}")

    def _try_start(self) -> str | None:
        """Return None when the server answers, else what it logged."""
        log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        self.child.start()
        if any(self._answers() for _ in ticks(READY_SECONDS, until=lambda: self.child.exit_code() is not None)):
            return None
        self.child.stop()
        return log_tail(self.log_file, since=log_start)

    def _answers(self) -> bool:
        """Send PING (RESP inline command); a server that still loads its data answers -LOADING."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False
