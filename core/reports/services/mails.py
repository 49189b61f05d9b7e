"""Who gets a report, as rows that are due, and what became of each. core.reports.mailing sends them.

A mail is taken in hand in a transaction of its own before it is handed over: of two workers one gets it, and a worker
that dies with it leaves it `sending`, which later counts as in doubt. A person decides whether it goes out once more.
"""

import datetime
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from core.accounts import audit
from core.common.tasks import wake
from core.common.tenancy import require
from core.reports.choices import ReportFormat, ReportMailState
from core.reports.errors import ReportRefused
from core.reports.models import ReportFile, ReportMail, ReportPack
from core.reports.services.files import UNDER_WAY, files_ask, format_locks
from core.reports.services.packs import LINK_DAYS, is_open
from core.reports.services.recipients import Recipient

GIVEN_UP_AFTER = datetime.timedelta(minutes=20)
"""Longer than the slowest call lasts."""
IN_DOUBT = "The worker that had this mail in hand stopped. It may have arrived."
_LONGEST_WORDS = 500


@transaction.atomic
def pack_send(*, pack_id: UUID, recipients: Sequence[Recipient], attach_pdf: bool = False) -> list[ReportMail]:
    """Mail the link to these people, once each: who has a mail of this report gets no other by this. The new ones.

    With `attach_pdf` the mails wait for the PDF and bring it along, where the plan has it.

    The link works for LINK_DAYS from now on. The caller has checked the right. Raises ReportRefused for nobody.
    """
    pack = ReportPack.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pack_id)
    if not recipients:
        raise ReportRefused("Choose at least one person who gets the report.")
    known = {email.casefold() for email in ReportMail.objects.filter(pack=pack).values_list("email", flat=True)}
    now, has_pdf = timezone.now(), ReportFormat.PDF not in format_locks(pack.organization_id)
    same = {"organization_id": pack.organization_id, "pack": pack, "due_at": now, "attach_pdf": attach_pdf and has_pdf}
    mails = ReportMail.objects.bulk_create(
        ReportMail(name=one.name, email=one.email, **same) for one in recipients if one.email.casefold() not in known
    )
    if not mails:
        raise ReportRefused("These people have a mail with this report already.")
    pack.sent_at = pack.sent_at or now
    pack.link_expires_at, pack.link_revoked_at = now + datetime.timedelta(days=LINK_DAYS), None
    pack.save(update_fields=["sent_at", "link_expires_at", "link_revoked_at"])
    if has_pdf:
        files_ask(pack=pack, formats=[ReportFormat.PDF])
    audit.record(action="reportpack.sent", obj=pack, changes={"to": [None, [mail.email for mail in mails]]})
    wake("reports.send_mails", organization_id=pack.organization_id)
    return mails


def due_mail_clients() -> list[UUID]:
    """The clients with mails to send, in the open scope."""
    due = ReportMail.objects.filter(state=ReportMailState.WAITING, due_at__lte=timezone.now())
    return list(due.order_by().values_list("organization_id", flat=True).distinct())


def mails_claim(*, organization_id: UUID, limit: int) -> list[ReportMail]:
    """Take due mails in hand; call in autocommit and send after the return. Two workers never hold one.

    Who gets the PDF waits while it is being made; one that cannot be made keeps nobody from the link.
    """
    require(organization_id)
    unfinished = ReportFile.objects.filter(
        pack_id=OuterRef("pack_id"), file_format=ReportFormat.PDF, state__in=UNDER_WAY
    )
    with transaction.atomic():
        due = ReportMail.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            ~(Q(attach_pdf=True) & Exists(unfinished)),
            organization_id=organization_id,
            state=ReportMailState.WAITING,
            due_at__lte=timezone.now(),
        )
        rows = list(due.select_related("pack__created_by", "organization").order_by("due_at", "id")[:limit])
        for row in rows:
            row.state, row.attempts, row.due_at = ReportMailState.SENDING, row.attempts + 1, timezone.now()
        ReportMail.objects.bulk_update(rows, ["state", "attempts", "due_at"])
    return rows


def mail_outcome(
    *,
    mail_id: UUID,
    state: ReportMailState,
    words: str = "",
    due_at: datetime.datetime | None = None,
    had_pdf: bool | None = None,
) -> None:
    """What became of a mail in hand; `due_at` when it is tried again (state WAITING), `had_pdf` once it is out."""
    pdf = {} if had_pdf is None else {"attach_pdf": had_pdf}
    ReportMail.objects.filter(pk=mail_id, state=ReportMailState.SENDING).update(
        **pdf,
        state=state,
        words=words[:_LONGEST_WORDS],
        due_at=due_at,
        done_at=None if state == ReportMailState.WAITING else timezone.now(),
    )


def mails_postpone(*, mail_ids: Sequence[UUID], problem: str, due_at: datetime.datetime) -> None:
    """Nothing was sent, and nobody is charged with it: the mails wait, and the attempt does not count."""
    ReportMail.objects.filter(pk__in=mail_ids, state=ReportMailState.SENDING).update(
        state=ReportMailState.WAITING, words=problem[:_LONGEST_WORDS], due_at=due_at, attempts=F("attempts") - 1
    )


def mails_give_up() -> int:
    """Mails whose worker is gone, in the open scope, count as in doubt; how many."""
    held = ReportMail.objects.filter(state=ReportMailState.SENDING, due_at__lt=timezone.now() - GIVEN_UP_AFTER)
    return held.update(state=ReportMailState.UNKNOWN, words=IN_DOUBT, due_at=None, done_at=timezone.now())


@transaction.atomic
def mail_send_again(*, mail_id: UUID) -> ReportMail:
    """Send a mail once more that failed or is in doubt, because a person says so. Raises ReportRefused."""
    mail = ReportMail.objects.select_for_update(of=("self",)).select_related("pack").get(pk=mail_id)
    if mail.state not in (ReportMailState.FAILED, ReportMailState.UNKNOWN):
        raise ReportRefused(f"The mail to {mail.email} needs no second try: {mail.get_state_display().lower()}.")
    if "@" not in mail.email:
        raise ReportRefused("Whom this mail was for was erased at their own request.")
    if not is_open(mail.pack):
        raise ReportRefused("The link of this report does not work any more. Open it first, then send the mail.")
    mail.state, mail.due_at, mail.done_at = ReportMailState.WAITING, timezone.now(), None
    mail.save(update_fields=["state", "due_at", "done_at"])
    if mail.attach_pdf and ReportFormat.PDF not in format_locks(mail.organization_id):
        files_ask(pack=mail.pack, formats=[ReportFormat.PDF])  # the first one may be gone
    audit.record(action="reportpack.sent_again", obj=mail.pack, changes={"to": [None, mail.email]})
    wake("reports.send_mails", organization_id=mail.organization_id)
    return mail
