"""The addresses in mails: open pixel, click redirect, unsubscribe, view in browser.

They know no session and no cookie; a signed token is all they go by. What it names is looked up after its signature
was verified, in the scope of its own organization. Whatever is wrong with a link, the answer is the same 404.
"""

import base64
import logging
from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from core.accounts.public_pages import frame
from core.accounts.public_pages.wording import language_for
from core.campaigns.models import CampaignLink
from core.common.network import is_short
from core.common.tokens import BadToken, Purpose
from core.contacts.public.links import preferences_path
from core.contacts.public.standing import standing_of
from core.delivery.errors import NothingSent
from core.delivery.models import Message
from core.delivery.public_links import HIDDEN_LINK, HIDDEN_LINK_WORDS, link_from, message_id_from
from core.delivery.queries import rendered_mail
from core.tracking import hits, services
from core.tracking.choices import EventType
from core.tracking.pages import mail_page
from core.tracking.recipients import recipient_scope
from core.tracking.wording import Wording, wording_for

logger = logging.getLogger(__name__)

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_LONGEST_BODY = 16 * 1024
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")

View = Callable[..., HttpResponse]


def _not_found_for_unknown(view: View) -> View:
    """Bad tokens and mails that are no longer kept get one and the same answer."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return view(request, token)
        except (BadToken, ObjectDoesNotExist, NothingSent):
            return frame.not_found(request)

    return guarded


@csrf_exempt
@require_safe
@_not_found_for_unknown
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """The pixel, always, and an open noted when it can be."""
    message_id = message_id_from(Purpose.OPEN, token)
    try:
        with recipient_scope(message_id) as message:
            _note(request, message, EventType.OPENED)
    except Message.DoesNotExist:
        logger.info("An open of a mail that is no longer kept was not noted.")
    except DatabaseError:
        logger.exception("An open was not noted.")
    return frame.private(HttpResponse(_PIXEL, content_type="image/gif"))


@csrf_exempt
@require_safe
@_not_found_for_unknown
def click(request: HttpRequest, token: str) -> HttpResponse:
    """On to the link that is stored with the campaign; nothing in the request can change where."""
    message_id, number = link_from(token)
    with recipient_scope(message_id) as message:
        if number == HIDDEN_LINK:
            _note(request, message, EventType.TRAPPED)
            return frame.private(HttpResponse(HIDDEN_LINK_WORDS, content_type="text/plain; charset=utf-8"))
        url = CampaignLink.objects.values_list("url", flat=True).get(campaign_id=message.campaign_id, number=number)
        try:
            _note(request, message, EventType.CLICKED, number)
        except DatabaseError:
            logger.exception("A click was not noted.")
    return frame.private(HttpResponseRedirect(url))


def _note(request: HttpRequest, message: Message, event_type: EventType, link_number: int | None = None) -> None:
    if hits.within_limit(event_type, message.pk):
        services.hit_record(message=message, type=event_type, seen=hits.seen_of(request), link_number=link_number)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@_not_found_for_unknown
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A page with one button on GET, which changes nothing; RFC 8058's one-click unsubscribe on POST."""
    message_id = message_id_from(Purpose.UNSUBSCRIBE, token)
    with recipient_scope(message_id) as message:
        words = wording_for(request, message.contact.language).for_client(message.organization.name)
        if request.method == "POST":
            return _unsubscribe_posted(request, message, words)
        if standing_of(message.contact).is_subscribed:
            return _answer(message, words, words.ask_title, words.ask_text, offer="unsubscribe")
        return _gone(message, words)


def _unsubscribe_posted(request: HttpRequest, message: Message, words: Wording) -> HttpResponse:
    if not is_short(request, _LONGEST_BODY):
        return frame.plain(words.bad_request, status=413)
    if request.content_type not in _FORM_TYPES:
        return frame.plain(words.bad_request, status=400)
    if request.POST.get("List-Unsubscribe") == "One-Click":
        services.recipient_unsubscribe(message=message, seen=hits.seen_of(request))
        return _gone(message, words)
    if request.POST.get("resubscribe") == "yes":
        return _back(message, words)
    return frame.plain(words.bad_request, status=400)


def _gone(message: Message, words: Wording) -> HttpResponse:
    may_come_back = standing_of(message.contact).may_come_back
    return _answer(message, words, words.gone_title, words.gone_text, offer="resubscribe" if may_come_back else "")


def _back(message: Message, words: Wording) -> HttpResponse:
    services.recipient_resubscribe(message=message)
    if standing_of(message.contact).is_subscribed:
        return _answer(message, words, words.back_title, words.back_text, offer="unsubscribe")
    return _answer(message, words, words.gone_title, words.gone_text, problem=words.back_refused)


def _answer(
    message: Message, words: Wording, title: str, text: str, *, offer: str = "", problem: str = ""
) -> HttpResponse:
    return frame.public_page(
        "tracking/unsubscribe.html",
        wording=words,
        organization=message.organization,
        title=title,
        text=text,
        address=frame.masked(message.contact.email),
        offer=offer,
        problem=problem,
        preferences=preferences_path(message.contact_id),
    )


@csrf_exempt
@require_safe
@_not_found_for_unknown
def view_in_browser(request: HttpRequest, token: str) -> HttpResponse:
    """The mail as this person got it. It may link to other pages, and run nothing."""
    message_id: UUID = message_id_from(Purpose.VIEW, token)
    with recipient_scope(message_id) as message:
        if not hits.within_limit("view", message.pk):
            return frame.too_many(language_for(request, message.contact.language), message.organization)
        return mail_page(rendered_mail(message.pk).html)
