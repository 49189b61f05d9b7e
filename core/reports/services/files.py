"""The files of a pack: written by workers, kept for a while, written again from the frozen figures when asked for.

What can happen to a run: a killed worker leaves the row `making`; the periodic job wakes another after
STALLED_AFTER. Two runs at once write the same bytes; the row takes one of them.
"""

import datetime
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from core.accounts import audit
from core.common.tasks import wake
from core.reports.choices import FEATURE_OF, FileState, ReportFormat
from core.reports.errors import ReportRefused
from core.reports.models import ReportFile, ReportMail, ReportPack
from core.reports.rendering import render
from core.reports.services.packs import pack_document
from core.subscriptions.queries import feature_locks

KEPT_FOR = datetime.timedelta(days=3)
"""Of a file that no open link leads to; it can be written again at any time."""
STALLED_AFTER = datetime.timedelta(minutes=2)
MOST_ATTEMPTS = 3
UNDER_WAY = (FileState.WAITING, FileState.MAKING)


def format_locks(organization_id: UUID) -> dict[ReportFormat, str]:
    """Why formats cannot be had, by format: those that the client's plan lacks. Missing ones are free."""
    locks = feature_locks(organization_id, FEATURE_OF.values())
    return {file_format: locks[feature] for file_format, feature in FEATURE_OF.items() if feature in locks}


@transaction.atomic
def files_ask(*, pack: ReportPack, formats: Iterable[ReportFormat]) -> list[ReportFile]:
    """Have these files written; those that are there stay. Raises ReportRefused for a format the plan lacks."""
    wanted = list(dict.fromkeys(formats))
    locks = format_locks(pack.organization_id)
    for file_format in wanted:
        if file_format in locks:
            raise ReportRefused(locks[file_format])
    ReportFile.objects.bulk_create(
        [ReportFile(organization_id=pack.organization_id, pack=pack, file_format=one) for one in wanted],
        ignore_conflicts=True,
    )
    files = ReportFile.objects.filter(pack=pack, file_format__in=wanted)
    failed = files.filter(state=FileState.FAILED)
    failed.update(state=FileState.WAITING, attempts=0, problem="", heartbeat_at=timezone.now())
    for file in files.filter(state__in=UNDER_WAY).defer("content"):
        wake("reports.make_file", organization_id=pack.organization_id, file_id=file.pk)
    return list(files.defer("content"))


def file_make(*, file_id: UUID) -> dict[str, Any]:
    """Write one file. Safe to run twice, also at once."""
    taken = ReportFile.objects.filter(pk=file_id, state__in=UNDER_WAY).update(
        state=FileState.MAKING, attempts=F("attempts") + 1, heartbeat_at=timezone.now()
    )
    file = ReportFile.objects.select_related("pack").defer("content").filter(pk=file_id).first() if taken else None
    if file is None:
        return {"skipped": "ended already"}
    if file.attempts > MOST_ATTEMPTS:
        problem = f"It was tried {MOST_ATTEMPTS} times, and the worker did not come back. Ask again."
        ReportFile.objects.filter(pk=file_id).update(state=FileState.FAILED, problem=problem)
        _wake_waiting(file)
        return {"problem": problem}
    content = render(pack_document(file.pack), ReportFormat(file.file_format))
    ReportFile.objects.filter(pk=file_id, state=FileState.MAKING).update(
        state=FileState.READY, content=content, problem="", heartbeat_at=timezone.now()
    )
    _wake_waiting(file)
    return {"format": file.file_format, "bytes": len(content)}


def _wake_waiting(file: ReportFile) -> None:
    """Mails that were to bring this file."""
    mails = ReportMail.objects.filter(pack_id=file.pack_id, attach_pdf=True)
    if file.file_format == ReportFormat.PDF and mails.exists():
        wake("reports.send_mails", organization_id=file.organization_id)


def file_fetch(*, pack: ReportPack, file_format: ReportFormat) -> bytes:
    """The file's content; who fetched it stands in the audit log. Raises ReportRefused when it is not there."""
    file = ReportFile.objects.filter(pack=pack, file_format=file_format, state=FileState.READY).first()
    if file is None:
        raise ReportRefused("This file is not there at the moment. Choose the format again.")
    audit.record(action="reportpack.fetched", obj=pack, changes={"format": [None, file_format.value]})
    return bytes(file.content)


def ready_file(*, pack_id: UUID, file_format: ReportFormat) -> bytes | None:
    """For the public page, which writes no log of who looked."""
    file = ReportFile.objects.filter(pack_id=pack_id, file_format=file_format, state=FileState.READY).first()
    return bytes(file.content) if file else None


def stalled_files() -> list[tuple[UUID, UUID]]:
    """(organization id, file id) of files whose worker gave no sign of life, in the open scope."""
    stalled = ReportFile.objects.filter(state__in=UNDER_WAY, heartbeat_at__lt=timezone.now() - STALLED_AFTER)
    return list(stalled.values_list("organization_id", "pk"))


def files_let_go() -> int:
    """Drop files that nobody can fetch by a link any more, in the open scope; how many."""
    now = timezone.now()
    has_link = Q(pack__link_expires_at__gt=now, pack__link_revoked_at=None)
    old = ReportFile.objects.filter(heartbeat_at__lt=now - KEPT_FOR).exclude(has_link)
    return old.exclude(state__in=UNDER_WAY).delete()[0]
