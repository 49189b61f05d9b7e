"""Reports that are kept, and go out by themselves: once a period, whatever beats or dies.

A due definition is locked, its pack is made under a unique (definition, period), its mails are written and the next
moment is set, all in one transaction: a worker killed in it leaves it due. Periods that nobody was awake for are not
made up: the last one counts.
"""

import datetime
import zoneinfo
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.choices import OrganizationStatus
from core.accounts.models import Organization, User
from core.reports.choices import Frequency, Period, ReportFormat, Section
from core.reports.errors import ReportRefused
from core.reports.models import ReportDefinition, ReportPack
from core.reports.periods import Plan
from core.reports.services.files import files_ask, format_locks
from core.reports.services.mails import pack_send
from core.reports.services.packs import ReportSpec, made_once
from core.reports.services.recipients import Recipient

_WRITTEN = (
    *("name", "title", "language", "sections", "note", "period", "first_day", "last_day", "formats", "recipients"),
    *("frequency", "day", "hour", "attach_pdf"),
)


@dataclass(frozen=True, slots=True)
class DefinitionValues:
    """What somebody chose in the builder. `plan` None: it does not go out by itself."""

    name: str
    spec: ReportSpec
    formats: tuple[str, ...]
    recipients: tuple[Recipient, ...]
    plan: Plan | None = None
    attach_pdf: bool = True


@transaction.atomic
def definition_save(*, values: DefinitionValues, user: User, definition_id: UUID | None = None) -> ReportDefinition:
    """Keep a report, or change one that is kept. The caller has checked the right. Raises ReportRefused."""
    definition_check(values)
    if definition_id is None:
        definition = ReportDefinition(organization=values.spec.organization, created_by=user)
    else:
        definition = ReportDefinition.objects.select_for_update(of=("self",)).get(pk=definition_id)
    before = audit.field_values(definition, list(_WRITTEN)) if definition_id else {}
    _fill(definition, values)
    _plan_next(definition, values.spec.organization)
    try:
        with transaction.atomic():
            definition.save()
    except IntegrityError as error:
        raise ReportRefused(f"This client has a report named “{values.name}” already. Choose another name.") from error
    changes = audit.changed_fields(before, audit.field_values(definition, list(_WRITTEN)))
    if changes:
        verb = "changed" if definition_id else "added"
        audit.record(action=f"reportdefinition.{verb}", obj=definition, changes=changes)
    return definition


def definition_check(values: DefinitionValues) -> None:
    """Raise ReportRefused for a report that cannot be kept as it was asked for."""
    if not values.name:
        raise ReportRefused("Give the report a name to keep it under.")
    if not set(values.spec.sections) & set(Section.values):
        raise ReportRefused("Choose at least one section.")
    values.spec.days()
    if values.plan is None:
        return
    if values.spec.period == Period.CUSTOM:
        raise ReportRefused("Fixed days cannot go out by themselves. Choose days that move, such as last month.")
    if not values.recipients:
        raise ReportRefused("Choose at least one person who gets the report.")


def _fill(definition: ReportDefinition, values: DefinitionValues) -> None:
    spec, plan = values.spec, values.plan
    definition.name = values.name
    definition.title, definition.language, definition.note = spec.title, spec.language, spec.note
    definition.sections, definition.period = list(spec.sections), spec.period
    is_custom = spec.period == Period.CUSTOM
    definition.first_day, definition.last_day = (spec.first_day, spec.last_day) if is_custom else (None, None)
    definition.formats = list(values.formats)
    definition.recipients = [{"name": one.name, "email": one.email} for one in values.recipients]
    definition.attach_pdf = values.attach_pdf
    definition.frequency = plan.frequency if plan else Frequency.NEVER
    if plan:
        definition.day, definition.hour = plan.day, plan.hour
    definition.problem = ""


def plan_of(definition: ReportDefinition) -> Plan | None:
    frequency = Frequency(definition.frequency)
    return Plan(frequency, definition.day, definition.hour) if frequency else None


def _plan_next(definition: ReportDefinition, organization: Organization) -> None:
    plan = plan_of(definition)
    is_planned = plan is not None and definition.paused_at is None
    zone = zoneinfo.ZoneInfo(organization.time_zone)
    definition.next_due_at = plan.first_after(timezone.now(), zone) if plan and is_planned else None


@transaction.atomic
def definition_pause(*, definition_id: UUID) -> ReportDefinition:
    """It goes out no more until somebody resumes it. Raises ReportRefused when it does not anyway."""
    definition = _locked(definition_id)
    if definition.next_due_at is None:
        raise ReportRefused(f"“{definition}” does not go out by itself at the moment.")
    definition.paused_at, definition.next_due_at = timezone.now(), None
    definition.save(update_fields=["paused_at", "next_due_at", "updated_at"])
    audit.record(action="reportdefinition.paused", obj=definition)
    return definition


@transaction.atomic
def definition_resume(*, definition_id: UUID) -> ReportDefinition:
    """It goes out again, from the next planned moment on. Raises ReportRefused when it is not paused."""
    definition = _locked(definition_id)
    if definition.paused_at is None:
        raise ReportRefused(f"“{definition}” is not paused.")
    definition.paused_at, definition.problem = None, ""
    _plan_next(definition, definition.organization)
    definition.save(update_fields=["paused_at", "next_due_at", "problem", "updated_at"])
    audit.record(action="reportdefinition.resumed", obj=definition)
    return definition


@transaction.atomic
def definition_delete(*, definition_id: UUID) -> None:
    """Forget the plan; reports that were made by it stay in the history."""
    definition = _locked(definition_id)
    audit.record(action="reportdefinition.deleted", obj=definition)
    ReportPack.objects.filter(definition=definition).update(definition=None)
    definition.delete()


def _locked(definition_id: UUID) -> ReportDefinition:
    rows = ReportDefinition.objects.select_for_update(of=("self",)).select_related("organization", "created_by")
    return rows.get(pk=definition_id)


def due_definitions(now: datetime.datetime | None = None) -> list[tuple[UUID, UUID]]:
    """(organization id, definition id) of those whose moment has come, in the open scope."""
    due = ReportDefinition.objects.filter(next_due_at__lte=now or timezone.now(), paused_at=None)
    active = due.filter(organization__status=OrganizationStatus.ACTIVE)
    return list(active.order_by("next_due_at").values_list("organization_id", "pk"))


@transaction.atomic
def definition_run_due(*, definition_id: UUID, now: datetime.datetime | None = None) -> dict[str, Any]:
    """Make and send the report of a due definition. Safe to run twice, also at once; a summary of what it did."""
    now = now or timezone.now()
    rows = ReportDefinition.objects.select_for_update(skip_locked=True, of=("self",))
    definition = rows.select_related("organization", "created_by").filter(pk=definition_id).first()
    if definition is None or definition.next_due_at is None or definition.next_due_at > now:
        return {"skipped": "not due, or in another worker's hands"}
    plan = plan_of(definition)
    assert plan is not None
    zone = zoneinfo.ZoneInfo(definition.organization.time_zone)
    due_on = plan.last_until(now, zone).astimezone(zone).date()
    definition.next_due_at = plan.first_after(now, zone)
    try:
        with transaction.atomic():
            definition.problem, pack = "", _made_and_sent(definition, due_on)
    except ReportRefused as problem:
        definition.problem, pack = str(problem)[:300], None
    definition.save(update_fields=["next_due_at", "problem", "updated_at"])
    return {"sent": str(pack.pk)} if pack else {"skipped": definition.problem or "made before"}


def _made_and_sent(definition: ReportDefinition, due_on: datetime.date) -> ReportPack | None:
    spec = spec_of(definition)
    pack = made_once(spec=spec, user=definition.created_by, definition=definition, due_on=due_on)
    if pack is None:
        return None
    locks = format_locks(pack.organization_id)
    files_ask(pack=pack, formats=[one for one in map(ReportFormat, definition.formats) if one not in locks])
    people = [Recipient(one["name"], one["email"]) for one in definition.recipients if "@" in one["email"]]
    pack_send(pack_id=pack.pk, recipients=people, attach_pdf=definition.attach_pdf)
    return pack


def spec_of(definition: ReportDefinition) -> ReportSpec:
    """What the definition asks for. Its client has to be read with it."""
    return ReportSpec(
        organization=definition.organization,
        period=Period(definition.period),
        sections=tuple(definition.sections),
        language=definition.language,
        title=definition.title,
        note=definition.note,
        first_day=definition.first_day,
        last_day=definition.last_day,
    )
