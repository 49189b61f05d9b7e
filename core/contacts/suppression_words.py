"""What removing a suppression, and adding a list of them, means: in sentences."""

from core.contacts.choices import ContactStatus, SuppressionKind, SuppressionReason
from core.contacts.models import AgencySuppression, Contact, Suppression


def removal_sentences(suppression: Suppression | AgencySuppression) -> list[str]:
    """What happens when this one goes. One query for an address of a client."""
    sentences = [_who_again(suppression)]
    if suppression.reason == SuppressionReason.COMPLAINED:
        sentences.append("This person reported a mail as spam. Another complaint harms delivery of all mails.")
    if suppression.kind == SuppressionKind.ERASED:
        sentences.append("The person asked to be erased. Without this, an import can bring the address back.")
    if isinstance(suppression, Suppression):
        sentences += _contact_sentences(suppression)
    return sentences


def _who_again(suppression: Suppression | AgencySuppression) -> str:
    who = {
        SuppressionKind.ADDRESS: suppression.email,
        SuppressionKind.DOMAIN: f"Everybody at {suppression.email}",
    }.get(SuppressionKind(suppression.kind), "Whoever this hash stands for")
    if isinstance(suppression, AgencySuppression):
        return f"{who} may get mail of every client again, unless that client's own list says otherwise."
    if suppression.group_id:
        return f"{who} may get mail through the group “{suppression.group}” again."
    return f"{who} may get mail of {suppression.organization} again."


def _contact_sentences(suppression: Suppression) -> list[str]:
    key = suppression.key.partition(":")[2]
    contact = Contact.objects.filter(
        organization_id=suppression.organization_id, email_key=key, deleted_at=None
    ).first()
    if contact is None or contact.status in (ContactStatus.SUBSCRIBED, ContactStatus.PENDING):
        return []
    status = contact.get_status_display().lower()
    return [f"The contact itself stays {status} and gets no mail until that changes, too."]
