"""What the events hold about a person."""

from typing import Any

from core.contacts.privacy.registry import DataHolder, Person
from core.tracking.models import AnalyticsEvent, Reply


def sections(person: Person) -> dict[str, Any]:
    events = AnalyticsEvent.objects.filter(contact_id__in=person.contact_ids).select_related("campaign", "link")
    return {
        "events": (
            {
                "when": event.occurred_at,
                "what": event.get_type_display(),
                "campaign": event.campaign.name,
                "link": event.link.url if event.link else "",
                "by": event.get_verdict_display(),
                "seen": event.seen,
            }
            for event in events.order_by("id").iterator(chunk_size=2_000)
        ),
        "replies": (
            {
                "when": reply.received_at,
                "campaign": reply.campaign.name,
                "from": f"{reply.sender_name} {reply.sender}".strip(),
                "subject": reply.subject,
                "text": reply.text,
            }
            for reply in Reply.objects.filter(contact_id__in=person.contact_ids).select_related("campaign")
        ),
    }


def erase(person: Person) -> None:
    """Events are counted by reports and stay; what was seen of the person's device and network goes, and so does what
    the person wrote."""
    Reply.objects.filter(contact_id__in=person.contact_ids).delete()
    AnalyticsEvent.objects.filter(contact_id__in=person.contact_ids).update(seen={})


HOLDER = DataHolder(tables=(AnalyticsEvent, Reply), sections=sections, erase=erase)
