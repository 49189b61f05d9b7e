"""Signup forms and their confirmation.

They know no session and no cookie; a signed token is all they go by, and whatever is wrong with it, the answer is the
same 404. No GET changes anything. A POST needs no CSRF token, because nobody is signed in: a form on another site, or a
forged one, can do no more than its visitor could here. What holds against programs is the honeypot, the signed time of
the page, and the limits.
"""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.accounts.choices import OrganizationStatus
from core.accounts.public_pages import frame
from core.common.network import client_ip, is_short, network_of
from core.common.tokens import BadToken, Purpose
from core.contacts.models import SignupForm, SignupRequest
from core.contacts.public import rate_limit
from core.contacts.public.links import confirm_link_from, id_from, preferences_path, signup_path, stamp_age
from core.contacts.public.scope import form_scope, request_scope
from core.contacts.public.signup_page import form_page, message_page, wording_of
from core.contacts.public.validation import HONEYPOT, STAMP, Answer, asked_fields, read_answer
from core.contacts.services.signups import SignupResult, signup_confirm, signup_request

LONGEST_BODY = 32 * 1024
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
QUICKEST_SECONDS = 1.5
"""Nobody reads a form, fills it in and sends it faster; with a filled-in page before their eyes people take longer."""
OLDEST_SECONDS = 24 * 3600.0

View = Callable[..., HttpResponse]


def not_found_for_unknown(view: View) -> View:
    """Bad tokens and what is no longer kept get one and the same answer."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return view(request, token)
        except (BadToken, ObjectDoesNotExist):
            return frame.not_found(request)

    return guarded


def is_readable(request: HttpRequest) -> bool:
    """Whether the body is a form of a sane size. Asked before it is read."""
    return is_short(request, LONGEST_BODY) and request.content_type in FORM_TYPES


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@not_found_for_unknown
def signup(request: HttpRequest, token: str) -> HttpResponse:
    """The hosted form. Snippets on other sites post to it as well."""
    return _signup(request, token, embedded=False)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@not_found_for_unknown
def signup_frame(request: HttpRequest, token: str) -> HttpResponse:
    """The same form for a frame on another site."""
    return _signup(request, token, embedded=True)


def _signup(request: HttpRequest, token: str, *, embedded: bool) -> HttpResponse:
    with form_scope(id_from(Purpose.SIGNUP_FORM, token)) as form:
        if not form.is_active or form.organization.status != OrganizationStatus.ACTIVE:
            words = wording_of(form)
            return message_page(form, words.closed_title, words.closed_text, embedded=embedded, status=410)
        if request.method != "POST":
            return form_page(form, embedded=embedded)
        return _signup_posted(request, form, embedded=embedded)


def _signup_posted(request: HttpRequest, form: SignupForm, *, embedded: bool) -> HttpResponse:
    words = wording_of(form)
    if not is_readable(request):
        return frame.plain(words.bad_request, status=400)
    network = network_of(client_ip(request))
    if not _within_limits(form, network):
        return frame.too_many(words.language, form.organization, framed_by=frame.ANYBODY if embedded else frame.NOBODY)
    answer = read_answer(asked_fields(form, words), request.POST, words)
    if request.POST.get(HONEYPOT):
        return _check_inbox(form, answer, embedded=embedded)  # the same words, so that no program learns from them
    if answer.errors or answer.address is None:
        return form_page(form, answer=answer, embedded=embedded, status=422)
    age = stamp_age(form.pk, request.POST.get(STAMP, ""))
    if age is None or not QUICKEST_SECONDS <= age <= OLDEST_SECONDS:
        return form_page(form, answer=answer, notice=words.look_again, embedded=embedded)
    signup_request(form=form, address=answer.address, values=answer.values, network=network)
    return _check_inbox(form, answer, embedded=embedded)


def _within_limits(form: SignupForm, network: str) -> bool:
    of_network = rate_limit.within(rate_limit.POSTS_PER_NETWORK, "signup", form.pk, network)
    return of_network and rate_limit.within(rate_limit.POSTS_PER_FORM, "form", form.pk)


def _check_inbox(form: SignupForm, answer: Answer, *, embedded: bool) -> HttpResponse:
    """The one answer, whoever the address belongs to: it tells nobody who is known here."""
    words = wording_of(form).filled(address=answer.typed["email"])
    return message_page(form, words.sent_title, words.sent_text, words.sent_hint, embedded=embedded)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@not_found_for_unknown
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """A page with one button on GET, which changes nothing: scanners open every link of a mail. POST subscribes."""
    link = confirm_link_from(token)
    with request_scope(link.request_id) as asked:
        words = wording_of(asked.form)
        if link.is_expired:
            page = signup_path(asked.form_id)
            return message_page(
                asked.form, words.expired_title, words.expired_text, status=410, link=page, link_text=words.again
            )
        if request.method != "POST":
            return message_page(
                asked.form, words.confirm_title, words.confirm_text, address=asked.email, button=words.confirm_button
            )
        return _confirm_posted(request, asked)


def _confirm_posted(request: HttpRequest, asked: SignupRequest) -> HttpResponse:
    words = wording_of(asked.form)
    if not is_readable(request) or request.POST.get("confirm") != "yes":
        return frame.plain(words.bad_request, status=400)
    if not rate_limit.within(rate_limit.POSTS_PER_LINK, "confirm", asked.pk):
        return frame.too_many(words.language, asked.form.organization)
    result = signup_confirm(request_id=asked.pk, network=network_of(client_ip(request)))
    if result is SignupResult.REFUSED:
        return message_page(asked.form, words.refused_title, words.refused_text)
    if result is SignupResult.NO_ROOM:
        return message_page(asked.form, words.no_room_title, words.no_room_text)
    asked.refresh_from_db(fields=["contact"])
    link = preferences_path(asked.contact_id) if asked.contact_id else ""
    return message_page(
        asked.form,
        words.confirmed_title,
        words.confirmed_text,
        address=asked.email,
        link=link,
        link_text=words.to_preferences,
    )
