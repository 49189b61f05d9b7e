"""What the events hold about a person."""

from typing import Any

from core.contacts.privacy.registry import DataHolder, Person
from core.tracking.models import AnalyticsEvent


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
        )
    }


def erase(person: Person) -> None:
    """Events are counted by reports and stay; what was seen of the person's device and network goes."""
    AnalyticsEvent.objects.filter(contact_id__in=person.contact_ids).update(seen={})


HOLDER = DataHolder(tables=(AnalyticsEvent,), sections=sections, erase=erase)
