"""The client's approver, without login: look, comment, approve or ask for changes.

They know no session and no cookie; a signed token is all they go by. No GET changes anything: scanners open every link
of a mail. A POST needs no CSRF token, because nobody is signed in. Whatever is wrong with a token, the answer is the
same 404; whatever became of a request, its page says so.
"""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from core.accounts.public_pages import frame
from core.campaigns.approvals import services
from core.campaigns.approvals.errors import (
    AlreadyAnswered,
    ApprovalRefused,
    CommentRefused,
    LinkExpired,
    NotYours,
    RevokedByEdit,
)
from core.campaigns.approvals.links import ApprovalLink, approval_link_from
from core.campaigns.approvals.page import Typed, answered_page, is_answerable, open_page, problem_words, words_of
from core.campaigns.approvals.previews import asked_previews
from core.campaigns.approvals.scope import approval_scope
from core.campaigns.approvals.services import Decider, Spot
from core.campaigns.models import Approval
from core.common.errors import DomainError
from core.common.network import client_ip, is_short
from core.common.tokens import BadToken
from core.contacts.public import rate_limit
from core.email_templates.views import framed_response

LONGEST_BODY = 64 * 1024
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
VIEWS_PER_LINK = 1_200
"""An hour, pages and frames together: a client who shows it around stays below it."""

View = Callable[..., HttpResponse]


def _not_found_for_unknown(view: View) -> View:
    """Bad tokens and requests that are no longer kept get one and the same answer."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str, **arguments: int) -> HttpResponse:
        try:
            return view(request, token, **arguments)
        except (BadToken, ObjectDoesNotExist):
            return frame.not_found(request)

    return guarded


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_not_found_for_unknown
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """The mail and the two answers; afterwards, what was decided and what happens next."""
    link = approval_link_from(token)
    with approval_scope(link.approval_id, client_ip(request)) as asked:
        limit, kind = (
            (rate_limit.POSTS_PER_LINK, "approval") if request.method == "POST" else (VIEWS_PER_LINK, "approval-view")
        )
        if not rate_limit.within(limit, kind, asked.pk):
            return frame.too_many(words_of(request, asked).language, asked.organization)
        if request.method == "POST":
            return _posted(request, link, asked, token)
        return _shown(request, link, asked, token)


def _shown(
    request: HttpRequest, link: ApprovalLink, asked: Approval, token: str, *, status: int = 200, notice: str = ""
) -> HttpResponse:
    if is_answerable(link, asked):
        return open_page(request, asked, token)
    return answered_page(request, link, asked, status=status, notice=notice)


def _posted(request: HttpRequest, link: ApprovalLink, asked: Approval, token: str) -> HttpResponse:
    words = words_of(request, asked)
    action = request.POST.get("action") if _is_readable(request) else None
    if action not in ("approve", "changes", "comment"):
        return frame.plain(words.bad_request, status=400)
    if link.is_expired:
        return _shown(request, link, asked, token, status=410)
    typed = Typed(
        name=request.POST.get("name", "")[:500],
        text=request.POST.get("text", "")[: 2 * services.LONGEST_TEXT],
        action=action,
        spot=spot_of(request),
    )
    try:
        _act(asked, typed, client_ip(request))
    except CommentRefused as refusal:
        return open_page(request, asked, token, typed=typed, problem=problem_words(words, refusal), status=422)
    except (AlreadyAnswered, LinkExpired, RevokedByEdit, ApprovalRefused, NotYours):
        asked.refresh_from_db()
        return _shown(request, link, asked, token, status=409, notice=words.just_now)
    where = "?saved=1#comments" if action == "comment" else ""
    return frame.private(HttpResponseRedirect(f"{request.path}{where}", status=303))


def _act(asked: Approval, typed: Typed, ip_address: str | None) -> None:
    decider = Decider(name=" ".join(typed.name.split()), ip_address=ip_address)
    if typed.action == "approve":
        services.approval_approve(approval_id=asked.pk, decider=decider)
    elif typed.action == "changes":
        services.approval_ask_changes(approval_id=asked.pk, decider=decider, text=typed.text)
    else:
        services.approval_comment(approval_id=asked.pk, decider=decider, text=typed.text, spot=typed.spot)


def _is_readable(request: HttpRequest) -> bool:
    return is_short(request, LONGEST_BODY) and request.content_type in FORM_TYPES


def spot_of(request: HttpRequest) -> Spot | None:
    """Where the comment is pinned; None without a pin, and for numbers that are none."""
    try:
        x, y, variant = (int(request.POST.get(name, "")) for name in ("x", "y", "variant"))
    except ValueError:
        return None
    view = request.POST.get("view", "")
    return Spot(view, x, y, variant) if view in ("desktop", "phone") and 0 <= variant <= 5 else None


@require_safe
@_not_found_for_unknown
def mail(request: HttpRequest, token: str, variant: int) -> HttpResponse:
    """One mail for a frame of the page, under a policy that lets nothing in it run. Only while it may be answered, or
    as long as it is what was approved."""
    link = approval_link_from(token)
    with approval_scope(link.approval_id, client_ip(request)) as asked:
        if not rate_limit.within(VIEWS_PER_LINK, "approval-view", asked.pk):
            return frame.too_many(words_of(request, asked).language, asked.organization)
        if not is_answerable(link, asked):
            return frame.not_found(request)
        try:
            previews = asked_previews(asked)
        except DomainError:
            return frame.not_found(request)
        found = next((one for one in previews if one.number == variant), None)
        return frame.private(framed_response(found.html)) if found else frame.not_found(request)
