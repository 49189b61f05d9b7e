"""What the ledger holds about a person."""

from typing import Any

from core.contacts.privacy.registry import DataHolder, Person
from core.delivery.models import Message, MessageValues, SandboxMail


def sections(person: Person) -> dict[str, Any]:
    messages = Message.objects.filter(contact_id__in=person.contact_ids).select_related("campaign", "values")
    return {"mails": (_mail(message) for message in messages.order_by("id").iterator(chunk_size=2_000))}


def _mail(message: Message) -> dict[str, Any]:
    values = getattr(message, "values", None)
    return {
        "campaign": message.campaign.name,
        "state": message.get_send_state_display(),
        "why": message.get_reason_display(),
        "sent": message.accepted_at,
        "address": values.address if values else "",
        "values": values.values if values else {},
        "first_open": message.opened_at,
        "first_click": message.clicked_at,
        "bounced": message.bounced_at,
        "unsubscribed": message.unsubscribed_at,
    }


def erase(person: Person) -> None:
    """The rows stay, as the campaign's figures count them; what they say about the person goes."""
    messages = Message.objects.filter(contact_id__in=person.contact_ids)
    MessageValues.objects.filter(message__in=messages).update(address="", values={})
    SandboxMail.objects.filter(message__in=messages).delete()
    SandboxMail.objects.filter(organization_id=person.organization_id, recipient__in=person.emails).delete()
    messages.exclude(words="", bounce_words="").update(words="", bounce_words="")


HOLDER = DataHolder(tables=(Message, MessageValues, SandboxMail), sections=sections, erase=erase)
REFERENCE = """
    EXISTS (SELECT 1 FROM delivery_message AS message
             WHERE message.contact_id = contact.id AND message.organization_id = contact.organization_id)
"""
