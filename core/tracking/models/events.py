"""What happened to mails."""

from django.db import models

from core.common.constraints import SameOrganizationInBulk
from core.common.models import OrganizationOwned, UUIDModel
from core.delivery.bounces import BounceClass
from core.tracking.choices import Device, EventType, Verdict


class AnalyticsEvent(UUIDModel, OrganizationOwned):
    """One thing that happened to one message. Unique per `event_key`, so a doubled report changes nothing.

    Keeps what was seen (`seen`: method, user agent, headers that matter); the address is cut to its network. The table
    is divided by the months of `occurred_at` (partitions.py), which is why its unique key has to name that, too; that
    no key comes twice with two times is seen to by the intake, under the lock of the message.
    """

    message = models.ForeignKey(
        "delivery.Message", on_delete=models.CASCADE, related_name="events", db_constraint=False, db_index=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="events", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", on_delete=models.CASCADE, related_name="events", db_constraint=False, db_index=False
    )
    link = models.ForeignKey(
        "campaigns.CampaignLink",
        on_delete=models.CASCADE,
        null=True,
        related_name="events",
        db_constraint=False,
        db_index=False,
    )
    type = models.CharField(max_length=12, choices=EventType)
    verdict = models.CharField(max_length=8, choices=Verdict, default=Verdict.UNKNOWN)
    reasons = models.JSONField(default=list)
    bounce_class = models.CharField(max_length=16, choices=BounceClass, blank=True, default="", db_default="")
    device = models.CharField(max_length=8, choices=Device, default=Device.UNKNOWN, db_default=Device.UNKNOWN)
    event_key = models.CharField(max_length=100)
    occurred_at = models.DateTimeField("when")
    received_at = models.DateTimeField("noted", auto_now_add=True)
    seen = models.JSONField(default=dict)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "event"
        ordering = ["-id"]
        constraints = [
            SameOrganizationInBulk(
                fields=["message", "campaign", "contact", "link"],
                through=["message", "campaign", "contact"],
                name="tracking_event_same_org",
            ),
            models.UniqueConstraint(fields=["organization", "event_key", "occurred_at"], name="tracking_event_once"),
        ]
        indexes = [
            models.Index(fields=["campaign", "type", "occurred_at"], name="tracking_event_campaign"),
            models.Index(fields=["contact", "-id"], name="tracking_event_contact"),
            # A mail's hits of a kind, in order of time: what is near a new one, and what was first.
            models.Index(fields=["message", "type", "occurred_at"], name="tracking_event_message"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} · {self.occurred_at:%Y-%m-%d %H:%M}"
