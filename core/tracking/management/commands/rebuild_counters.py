"""Put right the counters that pages read, from events, ledger and groups."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.accounts.models import Organization
from core.common.tenancy import all_organizations
from core.tracking.services import counters_rebuild


class Command(BaseCommand):
    help = "Recounts the figures of one client (--client), or of all. Pages and sending go on meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client", metavar="SLUG", help="the short name of a client; without it all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        with all_organizations(reason="the rebuild_counters command"):
            clients = Organization.objects.order_by("name")
            if options["client"]:
                clients = clients.filter(slug=options["client"])
            if not clients:
                raise CommandError(f"There is no client “{options['client']}”.")
            for client in clients:
                found = counters_rebuild(organization_id=client.pk)
                self.stdout.write(
                    f"{client.name}: {found['campaigns']:,} campaigns counted, {found['wrong']:,} counters put right."
                )
