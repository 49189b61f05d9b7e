"""Making reports: figures are collected once, and what was made says the same for ever."""

import datetime
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization, User
from core.reports.brand import brand_document, brand_of
from core.reports.choices import Period, ReportMailState, Section
from core.reports.composing import compose
from core.reports.document import Document
from core.reports.errors import ReportRefused
from core.reports.figures import Figures
from core.reports.frozen import as_document, from_document
from core.reports.models import ReportDefinition, ReportFile, ReportMail, ReportPack
from core.reports.periods import Days, days_of
from core.reports.queries import collect_figures

LINK_DAYS = 90
"""How long a link to a report works, unless somebody renews or withdraws it."""
LINK_CLOSED = "Not sent: the link was withdrawn, or ran out, before this mail left."


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """What a report is to be. `first_day` and `last_day` count for Period.CUSTOM alone."""

    organization: Organization
    period: Period
    sections: tuple[str, ...]
    language: str
    title: str = ""
    note: str = ""
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None

    def days(self, today: datetime.date | None = None) -> Days:
        """Seen from today (of the client's zone), or from the given day. Raises ReportRefused."""
        zone = zoneinfo.ZoneInfo(self.organization.time_zone)
        return days_of(self.period, today or timezone.now().astimezone(zone).date(), self.first_day, self.last_day)


def spec_document(spec: ReportSpec, *, prepared_by: str = "") -> Document:
    """The report as it would be now; nothing is kept. Raises ReportRefused."""
    figures = collect_figures(organization=spec.organization, days=spec.days(), made_at=timezone.now())
    return compose(
        figures=figures,
        sections=spec.sections,
        language=spec.language,
        brand=brand_of(spec.organization.pk, brand_document(spec.organization)),
        title=spec.title,
        note=spec.note,
        prepared_by=prepared_by,
    )


@transaction.atomic
def pack_make(
    *,
    spec: ReportSpec,
    user: User | None,
    pack_id: UUID | None = None,
    definition: ReportDefinition | None = None,
    due_on: datetime.date | None = None,
) -> ReportPack:
    """Collect the figures and freeze them. With a `pack_id` that is there already, that pack: asking twice makes one.
    Asking for something else with it, as a page does that somebody came back to, makes another.

    The caller has checked the right. Raises ReportRefused, and IntegrityError for a period that was made before.
    """
    if pack_id is not None and (found := ReportPack.objects.filter(pk=pack_id).first()):
        if _is_asked_for(found, spec):
            return found
        pack_id = None
    if not set(spec.sections) & set(Section.values):
        raise ReportRefused("Choose at least one section.")
    days = spec.days(due_on)
    figures = collect_figures(organization=spec.organization, days=days, made_at=timezone.now())
    pack = ReportPack(
        organization=spec.organization,
        definition=definition,
        due_on=due_on,
        title=spec.title,
        language=spec.language,
        sections=list(spec.sections),
        note=spec.note,
        first_day=days.first,
        last_day=days.last,
        figures=as_document(figures),
        brand=brand_document(spec.organization),
        prepared_by=(user.full_name or user.email)[:150] if user else "",
        created_by=user,
    )
    if pack_id is not None:
        pack.pk = pack_id
    _insert(pack)
    audit.record(action="reportpack.made", obj=pack, changes={"days": [None, f"{days.first} – {days.last}"]})
    return pack


def _is_asked_for(pack: ReportPack, spec: ReportSpec) -> bool:
    days = spec.days()
    made = (pack.first_day, pack.last_day, pack.language, pack.title, pack.note, list(pack.sections))
    return made == (days.first, days.last, spec.language, spec.title, spec.note, list(spec.sections))


def _insert(pack: ReportPack) -> None:
    """Raises ReportRefused for an id that somebody else's form has used."""
    try:
        with transaction.atomic():
            pack.save(force_insert=True)
    except IntegrityError as error:
        if pack.due_on is not None:
            raise
        raise ReportRefused("This form has made a report already. Open a new one.") from error


def made_once(
    *, spec: ReportSpec, user: User | None, definition: ReportDefinition, due_on: datetime.date
) -> ReportPack | None:
    """The pack of a plan's period, or None when it was made before. Inside the caller's transaction."""
    if ReportPack.objects.filter(definition=definition, due_on=due_on).exists():
        return None
    try:
        with transaction.atomic():
            return pack_make(spec=spec, user=user, definition=definition, due_on=due_on)
    except IntegrityError:
        return None  # another worker made it between the two statements


def pack_document(pack: ReportPack, sections: Sequence[str] | None = None) -> Document:
    """The report as it was made, out of what was frozen with it."""
    return compose(
        figures=from_document(Figures, pack.figures),
        sections=pack.sections if sections is None else sections,
        language=pack.language,
        brand=brand_of(pack.organization_id, pack.brand),
        title=pack.title,
        note=pack.note,
        prepared_by=pack.prepared_by,
    )


@transaction.atomic
def link_revoke(*, pack_id: UUID) -> ReportPack:
    """The link in mails leads to the report no more, and mails that have not left stay here: they tell the key figures
    themselves. Raises ReportRefused when it does not anyway."""
    pack = ReportPack.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pack_id)
    if not is_open(pack):
        raise ReportRefused("The link of this report does not work any more.")
    pack.link_revoked_at = timezone.now()
    pack.save(update_fields=["link_revoked_at"])
    mails = ReportMail.objects.filter(pack=pack, state=ReportMailState.WAITING)
    mails.update(state=ReportMailState.FAILED, words=LINK_CLOSED, due_at=None, done_at=timezone.now())
    audit.record(action="reportpack.link_withdrawn", obj=pack)
    return pack


@transaction.atomic
def link_renew(*, pack_id: UUID) -> ReportPack:
    """The link works (again) for LINK_DAYS from now on."""
    pack = ReportPack.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pack_id)
    before = pack.link_expires_at
    pack.link_expires_at, pack.link_revoked_at = timezone.now() + datetime.timedelta(days=LINK_DAYS), None
    pack.save(update_fields=["link_expires_at", "link_revoked_at"])
    audit.record(action="reportpack.link_renewed", obj=pack, changes={"works until": [before, pack.link_expires_at]})
    return pack


def is_open(pack: ReportPack) -> bool:
    """Whether the link in mails shows the report."""
    return bool(
        pack.link_expires_at is not None and pack.link_revoked_at is None and pack.link_expires_at > timezone.now()
    )


@transaction.atomic
def pack_delete(*, pack_id: UUID) -> None:
    """Remove a report that nobody got. Raises ReportRefused: what was sent stays in the history."""
    pack = ReportPack.objects.select_for_update(of=("self",)).get(pk=pack_id)
    if ReportMail.objects.filter(pack=pack).exists():
        raise ReportRefused("This report was sent, so it stays in the history. Its link can be withdrawn.")
    audit.record(action="reportpack.deleted", obj=pack)
    ReportFile.objects.filter(pack=pack).delete()
    pack.delete()
