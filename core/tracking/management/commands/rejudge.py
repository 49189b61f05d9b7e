"""Derive the verdicts on past opens and clicks again, here and now, and say what changes."""

import datetime
import time
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.common.errors import DomainError
from core.common.tenancy import all_organizations
from core.tracking.verdicts.recompute import verdict_run_begin, verdict_run_continue
from core.tracking.verdicts.wording import change_rows


class Command(BaseCommand):
    help = "Counts how many verdicts on opens and clicks would be others today; with --write also writes them."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--campaign", type=UUID, help="The id of one campaign.")
        which.add_argument("--since", type=datetime.date.fromisoformat, help="All campaigns that began on or after it.")
        parser.add_argument("--write", action="store_true", help="Write the verdicts instead of counting only.")

    def handle(self, *args: Any, **options: Any) -> None:
        with all_organizations(reason="the rejudge command"):
            try:
                run = verdict_run_begin(
                    campaign_id=options["campaign"], since=options["since"], writes=options["write"]
                )
            except DomainError as error:
                raise CommandError(str(error)) from error
            while run.finished_at is None:
                # A worker may be at it as well: whoever comes second waits.
                if not verdict_run_continue(seconds=10.0).mails:
                    time.sleep(0.2)
                run.refresh_from_db()
                self.stdout.write(f"{run.mails:,} mails, {run.changed:,} changes so far")
        for row in change_rows(run.changes):
            self.stdout.write(f"{row.count:>12,}  {row.before} → {row.after}")
        verb = "written" if run.writes else "found, nothing was written"
        self.stdout.write(
            f"{run.changed:,} other verdicts {verb}: {run.events:,} opens and clicks of {run.mails:,} mails."
        )
