"""The sentences of the pages of reports."""

import zoneinfo

from django.utils.formats import date_format
from django.utils.text import slugify

from core.accounts.models import Organization
from core.reports.choices import FILE_ENDINGS, WEEKDAYS, Frequency, Period, ReportFormat
from core.reports.composing import period_text
from core.reports.models import ReportDefinition, ReportPack
from core.reports.periods import Days, Plan
from core.reports.services import DefinitionValues, Recipient


def days_words(pack: ReportPack) -> str:
    return period_text(Days(pack.first_day, pack.last_day))


def pack_title(pack: ReportPack) -> str:
    return f"{pack.title or 'Email report'}, {days_words(pack)}"


def file_name(pack: ReportPack, file_format: ReportFormat) -> str:
    client = slugify(pack.brand["client"])[:60] or "report"
    return f"{client}-{pack.first_day:%Y-%m-%d}-{pack.last_day:%Y-%m-%d}.{FILE_ENDINGS[file_format]}"


def plan_words(plan: Plan | None, zone_name: str) -> str:
    """ "Every month on day 1 at 08:00 (Europe/Madrid)"."""
    if plan is None:
        return "Not by itself"
    hour = f"at {plan.hour:02}:00 ({zone_name})"
    if plan.frequency == Frequency.WEEKLY:
        return f"Every {WEEKDAYS[plan.day]} {hour}"
    return f"Every month on {'the last day' if plan.day == 31 else f'day {plan.day}'} {hour}"


def people_words(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def plan_sentences(values: DefinitionValues, organization: Organization, first: str) -> tuple[str, ...]:
    """What will happen when this plan is saved; `first` is the first moment in words."""
    assert values.plan is not None
    return (
        f"{people_words(len(values.recipients))} of {organization} will get the report "
        f"“{values.spec.title or 'Email report'}” about {period_words(values.spec.period)}, "
        f"from {organization.default_from_email or 'an address that is not set yet'}.",
        f"{plan_words(values.plan, organization.time_zone)}, for the first time on {first}."
        f"{' The PDF is attached.' if values.attach_pdf else ''}",
    )


def period_words(period: Period) -> str:
    label = str(Period(period).label).lower()
    return f"the {label}" if period in (Period.LAST_7_DAYS, Period.LAST_30_DAYS) else label


def moment_words(moment: object, organization: Organization) -> str:
    local = moment.astimezone(zoneinfo.ZoneInfo(organization.time_zone))  # type: ignore[attr-defined]
    return f"{date_format(local, 'j F Y, H:i')} ({organization.time_zone})"


def sending_sentences(pack: ReportPack, recipients: list[Recipient], *, attach_pdf: bool) -> tuple[str, ...]:
    client, pdf = pack.organization, " and the PDF attached" if attach_pdf else ""
    return (
        f"{people_words(len(recipients))} will get a mail with the link to “{pack_title(pack)}” of {client}{pdf}, "
        f"from {client.default_from_email}, now.",
        f"To: {', '.join(map(str, recipients))}.",
    )


def state_of(definition: ReportDefinition) -> tuple[str, str]:
    """(colour key, words)."""
    if definition.problem:
        return "problem", "Needs you"
    if definition.paused_at is not None:
        return "paused", "Paused"
    return ("planned", "Planned") if definition.next_due_at else ("kept", "Kept")
