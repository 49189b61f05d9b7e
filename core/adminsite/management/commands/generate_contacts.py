"""Fill one client with made-up contacts and mailings, for measurements at size."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from core.accounts.models import Organization
from core.adminsite.generated_mailings import generate_mailings
from core.adminsite.services import NewClient, client_add
from core.common.errors import DomainError
from core.common.request_context import request_context
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.generated import fill_search, generate_contacts
from core.subscriptions.models import Plan

SLUG = "made-up"
PRODUCTION = "core.settings.prod"


class Command(BaseCommand):
    help = (
        "Adds made-up contacts (addresses end in .example), groups, tags and mailings to one client, up to the number "
        "given. Run again, it goes on where it was; what is there stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("contacts", type=int, help="how many made-up contacts the client shall have")
        parser.add_argument("--client", default=SLUG, help=f"its short name (default: {SLUG}, made if missing)")
        parser.add_argument("--campaigns", type=int, default=0, help="made-up mailings (default: none)")
        parser.add_argument("--messages", type=int, default=0, help="mails of all mailings together")
        parser.add_argument("--yes", action="store_true", help="also in a production environment")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SETTINGS_MODULE == PRODUCTION and not options["yes"]:
            raise CommandError("This is a production environment: made-up contacts are added only with --yes.")
        if options["contacts"] < 1:
            raise CommandError("Give the number of contacts, such as 100000.")
        with request_context(actor_label="made-up data"):
            try:
                self._fill(_client(options["client"]), options)
            except DomainError as error:
                raise CommandError(str(error)) from error

    def _fill(self, organization: Organization, options: dict[str, Any]) -> None:
        with organization_scope(organization):
            contacts = generate_contacts(
                organization=organization, count=options["contacts"], announce=self.stdout.write
            )
            self.stdout.write("Making them searchable")
            fill_search(organization_id=organization.pk)
            mails = generate_mailings(
                organization=organization,
                campaigns=options["campaigns"],
                messages=options["messages"],
                announce=self.stdout.write,
            )
        if contacts or mails:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM (ANALYZE)")
        self.stdout.write(f"{organization}: {contacts:,} contacts and {mails:,} mails added, all of them made up.")


def _client(slug: str) -> Organization:
    """The client of this short name; the default one is made, on a plan without limits."""
    with all_organizations(reason="the client that is to be filled"):
        organization = Organization.objects.filter(slug=slug).first()
    if organization is None and slug != SLUG:
        raise CommandError(f"There is no client “{slug}”.")
    if organization is None:
        plan, _ = Plan.objects.get_or_create(slug="no-limits", defaults={"name": "No limits", "is_public": False})
        organization = client_add(client=NewClient(name="Made-up data", slug=slug, plan=plan), by=None)
    return organization
