"""The report behind the link in a mail: no login, no cookie, nothing for search engines, and gone when it is withdrawn.

Whatever is wrong with a token, the answer is the same 404; of a report that ran out or was withdrawn its page says so.
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.http import require_safe

from core.accounts.public_pages import frame
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import BadToken
from core.contacts.public import rate_limit
from core.reports import presentation
from core.reports.choices import CONTENT_TYPES, ReportFormat
from core.reports.links import pack_id_from, report_pdf_url
from core.reports.models import ReportPack
from core.reports.rendering import page_text
from core.reports.rendering.html import POLICY
from core.reports.services import format_locks, is_open, pack_document, ready_file
from core.reports.wording import wording_in

VIEWS_PER_LINK = 600
"""An hour: a client who sends it round the office stays below it."""
_POLICY = f"{POLICY}; frame-ancestors 'none'"

View = Callable[[HttpRequest, ReportPack], HttpResponse]


def _of_open_pack(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Calls the view with the pack, in its client's scope, while its link is open."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        try:
            pack = _pack(token)
        except (BadToken, ReportPack.DoesNotExist):
            return frame.not_found(request)
        with organization_scope(pack.organization_id):
            if not rate_limit.within(VIEWS_PER_LINK, "report", pack.pk):
                return frame.too_many(wording_in(pack.language).language, pack.organization)
            return view(request, pack) if is_open(pack) else _gone(pack)

    return guarded


def _pack(token: str) -> ReportPack:
    """Raises BadToken and ReportPack.DoesNotExist."""
    pack_id = pack_id_from(token)
    with all_organizations(reason="a verified token names its report"):
        return ReportPack.objects.select_related("organization").get(pk=pack_id)


@require_safe
@_of_open_pack
def report(request: HttpRequest, pack: ReportPack) -> HttpResponse:
    """The report as it was made."""
    words = wording_in(pack.language)
    has_pdf = ReportFormat.PDF not in format_locks(pack.organization_id)
    pdf_url = report_pdf_url(pack.pk) if has_pdf else ""
    response = HttpResponse(page_text(pack_document(pack), pdf_url=pdf_url, pdf_words=words.mail_pdf))
    response["Content-Security-Policy"] = _POLICY
    return frame.private(response)


@require_safe
@_of_open_pack
def report_pdf(request: HttpRequest, pack: ReportPack) -> HttpResponse:
    """The PDF that was written when the report was sent."""
    content = ready_file(pack_id=pack.pk, file_format=ReportFormat.PDF)
    if content is None:
        response = frame.plain(wording_in(pack.language).pdf_not_ready, status=503)
        response["Retry-After"] = "60"
        return response
    response = HttpResponse(content, content_type=CONTENT_TYPES[ReportFormat.PDF])
    name = presentation.file_name(pack, ReportFormat.PDF)
    response["Content-Disposition"] = f'inline; filename="{name}"'
    # Browsers draw a PDF with styles of their own.
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"
    )
    return frame.private(response)


def _gone(pack: ReportPack) -> HttpResponse:
    words = wording_in(pack.language)
    with translation.override(words.language):
        return frame.public_page("reports/gone.html", wording=words, organization=pack.organization, status=410)
