"""`manage.py services`: only the embedded services, in the foreground or around one command."""

import argparse
import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.common.embedded.errors import AlreadyRunning, EmbeddedServicesError
from core.common.embedded.locations import data_directory, database_url, redis_url
from core.common.embedded.services import client_environment, embedded_services
from core.common.embedded.supervisor import Supervisor


class Command(BaseCommand):
    """Run PostgreSQL and Valkey until Ctrl-C, or while one command runs (`services -- pg_dump -Fc -f backup.dump`)."""

    help = "Run the embedded PostgreSQL and Valkey in the foreground, or around one command given after --."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take everything after `--` as the command."""
        parser.add_argument("command", nargs=argparse.REMAINDER, help="a command and its arguments, after --")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with the command's code; messages go to stderr, so that its output can be redirected."""
        argv = [part for index, part in enumerate(options["command"]) if (index, part) != (0, "--")]
        try:
            if argv:
                sys.exit(self._around(argv))
            self._in_foreground()
        except EmbeddedServicesError as error:
            raise CommandError(str(error)) from error

    def _around(self, argv: list[str]) -> int:
        """Run the command; services that already run (`manage.py up`) are used as they are."""
        try:
            with embedded_services(data_directory(), announce=self._announce):
                return run_in_terminal(argv)
        except AlreadyRunning:
            return run_in_terminal(argv)

    def _in_foreground(self) -> None:
        supervisor = Supervisor(self._announce)
        with (
            supervisor.counting_signals(),
            embedded_services(data_directory(), announce=self._announce, hurry=supervisor.hurry) as services,
        ):
            for child in services.children:
                supervisor.watch(child)
            self._announce(f"DATABASE_URL={database_url()}\nREDIS_URL={redis_url()}\nCtrl-C stops both.")
            supervisor.run()

    def _announce(self, line: str) -> None:
        self.stderr.write(line, style_func=str)
        self.stderr.flush()


def run_in_terminal(argv: list[str]) -> int:
    """Run a command that finds the services by itself and keeps the terminal (psql); return its exit code.

    Raises EmbeddedServicesError when there is no such program.
    """
    # Ctrl-C is for the command: the services outlive it and stop in order. (A handler, not SIG_IGN: exec resets it.)
    before = signal.signal(signal.SIGINT, _leave_to_command)
    try:
        return subprocess.run(argv, env=os.environ | client_environment(data_directory()), check=False).returncode
    except OSError as error:
        raise EmbeddedServicesError(f"{argv[0]} cannot be started: {error.strerror}.") from error
    finally:
        signal.signal(signal.SIGINT, before)


def _leave_to_command(number: int, frame: FrameType | None) -> None:
    """Do nothing about a signal that the command gets, too."""
