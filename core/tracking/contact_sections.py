"""What mails add to the contact page: the campaigns somebody received, and lines of the timeline."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.contacts.models import Contact
from core.contacts.profile import contact_ids_of
from core.contacts.sections import Rendered, key_from, register_contact_section
from core.contacts.timeline import TimelineEntry, TimelineQuery, moment_of, register_timeline_source
from core.delivery.models import Message
from core.delivery.states import SEND_STATE_COLORS, SendState
from core.tracking.choices import PEOPLE, EventType
from core.tracking.models import AnalyticsEvent
from core.tracking.verdicts.mails import HITS
from core.tracking.verdicts.scans import scan_notes
from core.tracking.verdicts.wording import lower_first, why

MAILS_A_PAGE = 10
_MAIL_WORDS = {
    SendState.ACCEPTED: ("Got", "mark_email_unread"),
    SendState.SUPPRESSED: ("Did not get", "do_not_disturb_on"),
    SendState.FAILED: ("Did not get", "error"),
    SendState.UNCERTAIN: ("May have got", "help"),
    SendState.UNRESOLVED: ("May have got", "help"),
}
_EVENT_ICONS = {
    EventType.OPENED: "drafts",
    EventType.CLICKED: "ads_click",
    EventType.TRAPPED: "pest_control",
    EventType.UNSUBSCRIBED: "unsubscribe",
    EventType.BOUNCED: "undo",
    EventType.COMPLAINED: "report",
    EventType.REPLIED: "reply",
    EventType.DELIVERED: "mark_email_read",
}


def register() -> None:
    """Called once, when the application starts."""
    register_timeline_source(_mails)
    register_timeline_source(_events)
    register_contact_section(order=40, title="Campaigns received", render=_campaigns)


def _mails(query: TimelineQuery) -> list[TimelineEntry]:
    if not query.may(Permission.CAMPAIGNS_VIEW):
        return []
    messages = _messages(query.organization_id, query.contact_ids, query.before)
    return [_mail_entry(message) for message in messages[: query.limit]]


def _messages(organization_id: UUID, contact_ids: tuple[UUID, ...], before: UUID | None) -> Any:
    """Newest first, by the index on the contact."""
    messages = Message.objects.filter(organization_id=organization_id, **_one_or_more(contact_ids))
    if before:
        messages = messages.filter(pk__lt=before)
    return messages.select_related("campaign").order_by("-pk")


def _one_or_more(contact_ids: tuple[UUID, ...]) -> dict[str, Any]:
    """One contact's rows lie in order in the index; those of several have to be sorted."""
    return {"contact_id": contact_ids[0]} if len(contact_ids) == 1 else {"contact_id__in": contact_ids}


def _mail_entry(message: Message) -> TimelineEntry:
    verb, icon = _MAIL_WORDS.get(SendState(message.send_state), ("Is to get", "schedule"))
    return TimelineEntry(
        id=message.pk,
        at=message.accepted_at or moment_of(message.pk),
        title=f"{verb} “{message.campaign}”",
        icon=icon,
        lines=tuple(filter(None, (message.get_reason_display(), message.words))),
        url=reverse("admin:delivery_message_change", args=[message.pk]),
        url_label="See the mail" if message.accepted_at else "See why",
    )


def _events(query: TimelineQuery) -> list[TimelineEntry]:
    if not query.may(Permission.RESULTS_VIEW):
        return []
    events = AnalyticsEvent.objects.filter(organization_id=query.organization_id, **_one_or_more(query.contact_ids))
    # That it was sent, the ledger tells.
    events = events.exclude(type=EventType.SENT)
    if query.before:
        events = events.filter(pk__lt=query.before)
    newest = list(events.select_related("campaign", "link").order_by("-pk")[: query.limit])
    notes = scan_notes(newest)
    return [_event_entry(event, notes.get(event.pk, "")) for event in newest]


def _event_entry(event: AnalyticsEvent, note: str) -> TimelineEntry:
    is_machine = event.type in HITS and event.verdict not in PEOPLE
    lines = [event.link.url[:200]] if event.link else []
    if is_machine:
        lines.append(f"{event.get_verdict_display()}: {note or lower_first(why(event.reasons))}")
    return TimelineEntry(
        id=event.pk,
        at=event.occurred_at,
        title=f"{event.get_type_display()}: “{event.campaign}”",
        icon=_EVENT_ICONS.get(EventType(event.type), "circle"),
        lines=tuple(lines),
        is_machine=is_machine,
    )


def _campaigns(request: HttpRequest, contact: Contact) -> Rendered | None:
    if not access_of(request).can(Permission.CAMPAIGNS_VIEW, contact.organization_id):
        return None
    before = key_from(request, "mails_before")
    rows = list(_messages(contact.organization_id, contact_ids_of(contact), before)[: MAILS_A_PAGE + 1])
    mails = [(message, SEND_STATE_COLORS[SendState(message.send_state)]) for message in rows[:MAILS_A_PAGE]]
    older = mails[-1][0].pk if len(rows) > MAILS_A_PAGE else None
    return "tracking/contact_campaigns.html", {"mails": mails, "older": older, "is_older": before is not None}
