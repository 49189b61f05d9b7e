"""The preference centre: topics, how often, a pause, the language, and the way out and back."""

import zoneinfo
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.accounts.public_pages import frame
from core.accounts.public_pages.wording import LANGUAGES, language_for
from core.common.network import client_ip, network_of
from core.common.tokens import Purpose
from core.contacts.choices import MailFrequency
from core.contacts.models import Contact
from core.contacts.public import rate_limit
from core.contacts.public.links import id_from
from core.contacts.public.scope import contact_scope
from core.contacts.public.standing import Standing, standing_of
from core.contacts.public.views import is_readable, not_found_for_unknown
from core.contacts.public.wording import LANGUAGE_NAMES, Wording, wording_in
from core.contacts.services.contacts import contact_resubscribe, contact_unsubscribe
from core.contacts.services.preferences import (
    SOURCE,
    Pause,
    Preferences,
    Topic,
    preferences_change,
    topics_of,
)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@not_found_for_unknown
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what is true and changes nothing; every POST says afterwards what is true now."""
    with contact_scope(id_from(Purpose.PREFERENCES, token)) as contact:
        if request.method != "POST":
            return _page(request, contact)
        words = _words(request, contact)
        if not is_readable(request):
            return frame.plain(words.bad_request, status=400)
        if not rate_limit.within(rate_limit.POSTS_PER_LINK, "preferences", contact.pk):
            return frame.too_many(words.language, contact.organization)
        return _posted(request, contact, words)


def _posted(request: HttpRequest, contact: Contact, words: Wording) -> HttpResponse:
    action = request.POST.get("action")
    network = network_of(client_ip(request))
    if action == "save":
        done = preferences_change(contact_id=contact.pk, wish=_wish(request), network=network)
    elif action == "unsubscribe":
        done = contact_unsubscribe(contact_id=contact.pk, source=SOURCE)
    elif action == "resubscribe":
        done = contact_resubscribe(contact_id=contact.pk, source=SOURCE)
    else:
        return frame.plain(words.bad_request, status=400)
    contact.refresh_from_db()
    words = _words(request, contact)
    is_refused = action == "resubscribe" and not standing_of(contact).is_subscribed
    return _page(
        request,
        contact,
        now_title=words.saved_title if done else words.unchanged_title,
        problem=words.back_refused if is_refused else "",
    )


def _wish(request: HttpRequest) -> Preferences:
    """What was chosen, of the topics that stood on the page. Anything else counts as no wish."""
    chosen = set(request.POST.getlist("topic"))
    shown = {found: text in chosen for text in request.POST.getlist("shown") if (found := _uuid(text))}
    frequency = request.POST.get("frequency", "")
    pause = request.POST.get("pause", "")
    language = request.POST.get("language", "")
    return Preferences(
        topics=shown,
        frequency=frequency if frequency in MailFrequency.values else "",
        pause=Pause(pause) if pause in {choice.value for choice in Pause} else Pause.KEEP,
        language=language if language in LANGUAGES else "",
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _words(request: HttpRequest, contact: Contact) -> Wording:
    words = wording_in(language_for(request, contact.language)).filled(client=contact.organization.name)
    return words.filled(date=_day(contact, words)) if _is_paused(contact) else words


def _is_paused(contact: Contact) -> bool:
    return contact.paused_until is not None and contact.paused_until > timezone.now()


def _day(contact: Contact, words: Wording) -> str:
    """The day the pause ends, in the client's time zone."""
    assert contact.paused_until is not None
    local = contact.paused_until.astimezone(zoneinfo.ZoneInfo(contact.organization.time_zone))
    with translation.override(words.language):
        return date_format(local, words.date_format)


def _page(request: HttpRequest, contact: Contact, *, now_title: str = "", problem: str = "") -> HttpResponse:
    words = _words(request, contact)
    standing = standing_of(contact)
    is_kept = contact.deleted_at is None and contact.erased_at is None
    topics = topics_of(contact) if is_kept else []
    may_choose = is_kept and (standing.is_subscribed or standing.may_come_back)
    return frame.public_page(
        "contacts/public/preferences.html",
        wording=words,
        organization=contact.organization,
        address="" if contact.erased_at else frame.masked(contact.email),
        is_answer=bool(now_title),
        now_title=now_title or words.now_title,
        sentences=_sentences(contact, standing, topics, words),
        problem=problem,
        offers_back=standing.may_come_back and not standing.is_subscribed and not problem,
        offers_choices=may_choose,
        offers_leaving=is_kept and standing.is_subscribed,
        **_choices(contact, topics, words),
    )


def _sentences(contact: Contact, standing: Standing, topics: list[Topic], words: Wording) -> list[str]:
    """All that is true about this person's mail, nothing else."""
    if not standing.is_subscribed:
        return [words.now_not_mailed, words.kept_for_later] if standing.may_come_back else [words.now_elsewhere]
    sentences = [words.now_paused if _is_paused(contact) else words.now_mailed]
    often = {MailFrequency.WEEKLY: words.now_weekly, MailFrequency.MONTHLY: words.now_monthly}
    if contact.mail_frequency:
        sentences.append(often[MailFrequency(contact.mail_frequency)])
    if topics:
        names = ", ".join(topic.name for topic in topics if topic.is_on)
        sentences.append(words.now_topics.replace("{topics}", names) if names else words.now_no_topics)
    return sentences


def _choices(contact: Contact, topics: list[Topic], words: Wording) -> dict[str, Any]:
    no_change = [(Pause.KEEP.value, words.keep_pause), (Pause.END.value, words.end_pause)]
    return {
        "topics": topics,
        "frequency": contact.mail_frequency,
        "frequencies": [
            ("", words.every_mail),
            (MailFrequency.WEEKLY.value, words.weekly),
            (MailFrequency.MONTHLY.value, words.monthly),
        ],
        "pauses": [
            *(no_change if _is_paused(contact) else [(Pause.KEEP.value, words.no_pause)]),
            (Pause.DAYS_30.value, words.pause_30),
            (Pause.DAYS_90.value, words.pause_90),
        ],
        "languages": list(LANGUAGE_NAMES.items()),
    }
