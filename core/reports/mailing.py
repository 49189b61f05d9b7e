"""Sending the mails that bring people the link to a report. Rows are handed over by services.mails.

They go out over the client's default connection, in the client's name and the report's language, count against no plan
and are not tracked. What a refusal means is as with links for approval.
"""

import datetime
import logging
import zoneinfo
from collections import Counter
from uuid import UUID

from django.template.loader import render_to_string
from django.utils import timezone, translation

from core.accounts.models import Organization
from core.delivery.models import Connection
from core.delivery.retry_policy import retry_delay_seconds
from core.delivery.services import connection_paused
from core.delivery.transactional import NEXT_TRY, NO_ANSWER, confirmation_problem
from core.delivery.transports.base import Attachment, MailContent, Outcome, OutcomeKind, Recipient
from core.delivery.transports.errors import ConnectionProblem, TransportError
from core.delivery.transports.registry import transports
from core.domains.queries import signing_key
from core.email_templates.merge_tags import MergeTemplate
from core.reports.brand import brand_of
from core.reports.choices import CONTENT_TYPES, ReportFormat, ReportMailState, Section
from core.reports.composing import period_text
from core.reports.document import Part
from core.reports.links import report_pdf_url, report_url
from core.reports.models import ReportMail, ReportPack
from core.reports.numbers import day_text
from core.reports.periods import Days
from core.reports.presentation import file_name
from core.reports.services import (
    LINK_CLOSED,
    is_open,
    mail_outcome,
    mails_claim,
    mails_postpone,
    pack_document,
    ready_file,
)
from core.reports.services.files import format_locks
from core.reports.wording import wording_in

logger = logging.getLogger(__name__)

AT_ONCE = 5
MOST_A_RUN = 100
MOST_ATTACHED_BYTES = 5 * 1024 * 1024
"""Of a PDF; a third more in the mail. Servers that take only small mails draw the line at 10 MB."""
_HEADERS: dict[str, MergeTemplate | str] = {
    "Auto-Submitted": "auto-generated",  # RFC 3834: no vacation notice answers it
    "X-Auto-Response-Suppress": "All",  # the same for Exchange
}


def mail_problem(organization: Organization) -> str:
    """What keeps this client's reports from leaving by mail, in words for staff; "" when nothing does."""
    return confirmation_problem(organization).replace("confirmation mail", "report")


def send_report_mails(*, organization_id: UUID) -> Counter[str]:
    """Send what is due of one client, in its scope; how many of each outcome. Safe to run twice, also at once."""
    tally: Counter[str] = Counter()
    organization = Organization.objects.get(pk=organization_id)
    while tally.total() < MOST_A_RUN and not mail_problem(organization):
        mails = mails_claim(organization_id=organization_id, limit=AT_ONCE)
        if not mails:
            break
        for mail in mails:
            tally[_send(organization, mail)] += 1
    return tally


def _send(organization: Organization, mail: ReportMail) -> str:
    # As it is now: the mail tells key figures, and whoever withdrew the link meanwhile did not want that.
    mail.pack.refresh_from_db(fields=["link_expires_at", "link_revoked_at"])
    if not is_open(mail.pack):
        mail_outcome(mail_id=mail.pk, state=ReportMailState.FAILED, words=LINK_CLOSED)
        return OutcomeKind.FAILED.value
    connection = Connection.objects.get(organization_id=organization.pk, is_default=True)
    recipient = Recipient(mail.pk, mail.email, mail.name, {}, in_ledger=False)
    content = report_mail(organization, mail.pack, attach_pdf=mail.attach_pdf)
    try:
        transport = transports.get(connection.pk, connection.updated_at)
        (answer,) = transport.send(content, [recipient])
    except TransportError as problem:
        logger.warning("A report of %s stands still (%s).", organization.pk, problem.code)
        if isinstance(problem, ConnectionProblem):
            transports.forget(connection.pk)
            connection_paused(connection=connection, problem=str(problem))
        mails_postpone(mail_ids=[mail.pk], problem=str(problem), due_at=timezone.now() + NEXT_TRY)
        return "postponed"
    _write(mail, answer, had_pdf=bool(content.attachments))
    return answer.kind.value


def _write(mail: ReportMail, answer: Outcome, *, had_pdf: bool) -> None:
    """What the provider said, as the state of the mail."""
    words = f"{answer.code} {answer.words}".strip() if answer.code[:1].isdigit() else answer.words or answer.code
    if answer.kind is OutcomeKind.ACCEPTED:
        mail_outcome(mail_id=mail.pk, state=ReportMailState.SENT, words=words, had_pdf=had_pdf)
    elif answer.kind is OutcomeKind.UNKNOWN:
        mail_outcome(mail_id=mail.pk, state=ReportMailState.UNKNOWN, words=NO_ANSWER)
    elif answer.kind is OutcomeKind.FAILED:
        mail_outcome(mail_id=mail.pk, state=ReportMailState.FAILED, words=words)
    else:
        delay = retry_delay_seconds(attempts=mail.attempts, retry_after_seconds=answer.retry_after_seconds)
        if delay is None:
            mail_outcome(mail_id=mail.pk, state=ReportMailState.FAILED, words=words)
            return
        due_at = timezone.now() + datetime.timedelta(seconds=delay)
        mail_outcome(mail_id=mail.pk, state=ReportMailState.WAITING, words=words, due_at=due_at)


def report_mail(organization: Organization, pack: ReportPack, *, attach_pdf: bool = False) -> MailContent:
    """The mail with the key figures, the first sentences and the link; as the report, out of what was frozen."""
    files = _attachments(pack) if attach_pdf else ()
    words = wording_in(pack.language)
    brand = brand_of(pack.organization_id, pack.brand)
    asker = pack.created_by
    with translation.override(words.language):
        period = period_text(Days(pack.first_day, pack.last_day))
        zone = zoneinfo.ZoneInfo(organization.time_zone)
        assert pack.link_expires_at is not None
        context = {
            "words": words,
            "brand": brand,
            "parts": _excerpt(pack),
            "note": pack.note,
            "text": words.mail_text.format(period=period),
            "link": report_url(pack.pk),
            "pdf_link": "" if ReportFormat.PDF in format_locks(organization.pk) else report_pdf_url(pack.pk),
            "attached": words.mail_attached if files else "",
            "until": words.mail_until.format(date=day_text(pack.link_expires_at.astimezone(zone).date())),
            "reason": words.mail_reason.format(person=pack.prepared_by or organization.name),
        }
        html = render_to_string("reports/mail.html", context)
        text = render_to_string("reports/mail.txt", context)
    return MailContent(
        subject=MergeTemplate((words.mail_subject.format(client=brand.client, period=period),)),
        html=MergeTemplate((html,)),
        text=MergeTemplate((text,)),
        from_name=organization.default_from_name or organization.name,
        from_email=organization.default_from_email,
        reply_to=asker.email if asker and asker.is_active else "",
        message_id_domain=organization.default_from_email.rpartition("@")[2],
        headers=_HEADERS,
        dkim=signing_key(organization.pk, organization.default_from_email),
        attachments=files,
    )


def _attachments(pack: ReportPack) -> tuple[Attachment, ...]:
    """The PDF, where it is there and not too large to be mailed."""
    content = ready_file(pack_id=pack.pk, file_format=ReportFormat.PDF)
    if content is None or len(content) > MOST_ATTACHED_BYTES:
        return ()
    return (Attachment(file_name(pack, ReportFormat.PDF), CONTENT_TYPES[ReportFormat.PDF], content),)


def _excerpt(pack: ReportPack) -> dict[str, Part]:
    """The key figures and the first sentences, whatever sections the report has."""
    document = pack_document(pack, [Section.HEADLINE.value, Section.SUMMARY.value])
    return {part.key: part for part in document.parts}
