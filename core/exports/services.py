"""Asking for an export, fetching it, letting it go."""

import datetime
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization, User
from core.common.tasks import wake
from core.exports.choices import FEATURE_OF, UNDER_WAY, ExportFormat, ExportStatus
from core.exports.errors import ExportRefused
from core.exports.models import ExportPart, ListExport
from core.subscriptions.queries import feature_locks, require_feature

KEPT_FOR = datetime.timedelta(days=3)
"""A list of people lies about no longer than it takes to fetch it."""
FORGOTTEN_AFTER = datetime.timedelta(days=365)
"""How long the note that there was an export stays; the audit log keeps its own."""


def format_locks(organization_id: UUID) -> dict[ExportFormat, str]:
    """The formats that the client's plan does not include, each with a sentence."""
    locks = feature_locks(organization_id, dict.fromkeys(FEATURE_OF.values()))
    return {one: locks[feature] for one, feature in FEATURE_OF.items() if feature in locks}


@transaction.atomic
def export_request(
    *,
    organization: Organization,
    user: User,
    model_label: str,
    title: str,
    query: str,
    file_format: ExportFormat,
    columns: Sequence[str],
) -> ListExport:
    """Note an export and wake a worker. The caller has checked the right. Raises ExportRefused, or FeatureLocked for a
    format that the client's plan does not include."""
    if not columns:
        raise ExportRefused("Choose at least one column.")
    require_feature(organization.pk, FEATURE_OF[file_format])
    list_export = ListExport.objects.create(
        organization=organization,
        model_label=model_label,
        title=title,
        query=query,
        file_format=file_format,
        columns=list(columns),
        created_by=user,
        heartbeat_at=timezone.now(),
    )
    audit.record(
        action="export.asked_for",
        obj=list_export,
        changes={"format": [None, str(file_format)], "columns": [None, list(columns)], "filter": [None, query]},
    )
    wake("exports.run_export", organization_id=organization.pk, list_export_id=list_export.pk)
    return list_export


def export_fetch(*, list_export: ListExport) -> Iterator[bytes]:
    """The pieces of a finished file, one at a time; the fetch is audited. Raises ExportRefused when it is not there."""
    if list_export.status != ExportStatus.DONE or not list_export.expires_at or list_export.expires_at < timezone.now():
        raise ExportRefused(f"{list_export} is not there any more. Export the list again.")
    audit.record(action="export.fetched", obj=list_export, changes={"rows": [None, list_export.rows_done]})
    numbers = list(list_export.parts.values_list("number", flat=True))
    pieces = ExportPart.objects.filter(list_export=list_export)
    return (bytes(pieces.get(number=number).content) for number in numbers)


def exports_expire(*, now: datetime.datetime | None = None) -> dict[str, int]:
    """Remove the files whose time is over, and old notes, in the open scope."""
    now = now or timezone.now()
    over = ListExport.objects.filter(status=ExportStatus.DONE, expires_at__lt=now)
    expired = exports_withdraw(list_export_ids=list(over.values_list("pk", flat=True)))
    forgotten, _by_model = ListExport.objects.filter(created_at__lt=now - FORGOTTEN_AFTER).delete()
    return {"expired": expired, "forgotten": forgotten}


@transaction.atomic
def exports_withdraw(*, list_export_ids: Sequence[UUID]) -> int:
    """Remove these files at once; runs under way end without one. Returns how many there were."""
    ExportPart.objects.filter(list_export_id__in=list_export_ids).delete()
    return ListExport.objects.filter(pk__in=list_export_ids, status__in=(*UNDER_WAY, ExportStatus.DONE)).update(
        status=ExportStatus.EXPIRED, expires_at=timezone.now()
    )


def stalled_exports(*, older_than: datetime.timedelta) -> list[tuple[Any, Any]]:
    """(organization id, export id) of runs without a sign of life."""
    stalled = ListExport.objects.filter(status__in=UNDER_WAY, heartbeat_at__lt=timezone.now() - older_than)
    return list(stalled.values_list("organization_id", "pk"))
