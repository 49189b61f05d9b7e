"""The demo agency's reports: one that goes out each month by itself, and last month's as it was sent."""

from core.accounts.models import Organization, User
from core.reports.choices import Frequency, Language, Period, ReportFormat, Section
from core.reports.models import ReportDefinition
from core.reports.periods import Plan
from core.reports.services.definitions import DefinitionValues, definition_save
from core.reports.services.files import files_ask
from core.reports.services.mails import pack_send
from core.reports.services.packs import ReportSpec, pack_make
from core.reports.services.recipients import Recipient

NAME = "Monthly report"


def report_story(organization: Organization, user: User) -> None:
    """Once for the client, in its open scope."""
    if ReportDefinition.objects.filter(name=NAME).exists():
        return
    note = "Demo data: the figures are counted from a made-up year of mailings."
    spec = ReportSpec(organization, Period.LAST_MONTH, tuple(Section.values), Language.ENGLISH, note=note)
    values = DefinitionValues(
        name=NAME,
        spec=spec,
        formats=(ReportFormat.PDF.value, ReportFormat.XLSX.value),
        recipients=(Recipient("Clara Client", f"clara@{organization.slug}.example"),),
        plan=Plan(Frequency.MONTHLY, 1, 9),
    )
    definition_save(values=values, user=user)
    pack = pack_make(spec=spec, user=user)
    files_ask(pack=pack, formats=list(ReportFormat))
    pack_send(pack_id=pack.pk, recipients=values.recipients, attach_pdf=True)
