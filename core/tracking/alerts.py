"""Writes of alerts: somebody of the client's team has seen one."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import User
from core.tracking.models import SendingAlert


@transaction.atomic
def alert_acknowledge(*, alert_id: UUID, user: User) -> bool:
    """Take an alert off the list of problems; what comes on another day is a new one. False: it was already."""
    open_alert = SendingAlert.objects.select_for_update().filter(pk=alert_id, acknowledged_at=None).first()
    if open_alert is None:
        return False
    open_alert.acknowledged_by, open_alert.acknowledged_at = user, timezone.now()
    open_alert.save(update_fields=["acknowledged_by", "acknowledged_at"])
    audit.record(action="sendingalert.acknowledged", obj=open_alert)
    return True
