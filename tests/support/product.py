"""The whole product as its users run it: `manage.py up` in a process of its own, with data of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120
STOP_SECONDS = 60


class Product:
    """`manage.py up` on a free port, as a context manager. `url` is its address, `manage(...)` its command line."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}},
            "DJANGO_SETTINGS_MODULE": "core.settings.dev",
            "ENGAGEX_DATA_DIR": str(data_dir),
            "PUBLIC_URL": self.url,
        }
        self.environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        self.arguments = arguments

    def __enter__(self) -> "Product":
        self.log = (self.data_dir.parent / f"{self.data_dir.name}.log").open("wb")
        command = [sys.executable, "manage.py", "up", "--port", str(self.port), *self.arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            self._wait_until_ready()
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        finally:
            self.log.close()

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run a management command beside the running product. Returns what it printed; raises when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def output(self) -> str:
        return Path(self.log.name).read_text(errors="replace")

    def _wait_until_ready(self) -> None:
        """Ready means all of it: database, broker, a worker seen, migrations applied."""
        give_up_at = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up_at:
            if self.process.poll() is not None:
                raise RuntimeError(f"The product stopped while starting:\n{self.output()}")
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.3)
        raise RuntimeError(f"The product was not ready in time:\n{self.output()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
