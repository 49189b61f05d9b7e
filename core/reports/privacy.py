"""What report packs hold about a person: their address where they are a recipient. Figures name nobody."""

from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.accounts import audit
from core.contacts.privacy.registry import DataHolder, Person
from core.reports.choices import ReportMailState
from core.reports.models import ReportDefinition, ReportMail


def _addressed(person: Person) -> Q:
    condition = Q(pk__in=[])
    for email in person.emails:
        condition |= Q(email__iexact=email)
    return condition


def sections(person: Person) -> dict[str, Any]:
    mails = ReportMail.objects.filter(_addressed(person), organization_id=person.organization_id)
    return {
        "reports": (
            {"report": str(mail.pack), "name": mail.name, "address": mail.email, "sent": mail.done_at}
            for mail in mails.select_related("pack").order_by("id").iterator(chunk_size=500)
        )
    }


def erase(person: Person) -> None:
    """That a report was sent stays; to whom goes. What waits, and planned reports, go to them no more."""
    mails = ReportMail.objects.filter(_addressed(person), organization_id=person.organization_id).select_for_update()
    for mail in mails.order_by("pk"):
        mail.name, mail.email, mail.words = audit.ERASED, f"{audit.ERASED}-{mail.pk.hex}", ""
        if mail.state == ReportMailState.WAITING:
            mail.state, mail.due_at, mail.done_at = ReportMailState.FAILED, None, timezone.now()
        mail.save(update_fields=["name", "email", "words", "state", "due_at", "done_at"])
    erased = {email.casefold() for email in person.emails}
    for definition in ReportDefinition.objects.filter(organization_id=person.organization_id).select_for_update():
        kept = [one for one in definition.recipients if one["email"].casefold() not in erased]
        if len(kept) < len(definition.recipients):
            definition.recipients = kept
            definition.save(update_fields=["recipients", "updated_at"])


HOLDER = DataHolder(tables=(ReportMail,), sections=sections, erase=erase)
