"""What people wrote back, and what mail servers hold against a sender."""

from django.conf import settings
from django.db import models

from core.common.constraints import SameOrganization
from core.common.models import OrganizationOwned, UUIDModel
from core.tracking.choices import AlertKind


class Reply(UUIDModel, OrganizationOwned):
    """A mail in which somebody answers a campaign's mail, as plain text. Unique by what was answered and with what.

    `sender` is empty where the answer came from the contact's own address. Goes with the contact.
    """

    message = models.ForeignKey(
        "delivery.Message", on_delete=models.CASCADE, related_name="replies", db_constraint=False, db_index=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="replies", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", on_delete=models.CASCADE, related_name="replies", db_constraint=False
    )
    event_key = models.CharField(max_length=100)
    sender = models.CharField("from", max_length=320, blank=True)
    sender_name = models.CharField("name", max_length=200, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    received_at = models.DateTimeField("received")

    class Meta(OrganizationOwned.Meta):
        verbose_name = "reply"
        verbose_name_plural = "replies"
        ordering = ["-id"]
        constraints = [
            SameOrganization(field="message", name="tracking_reply_message_same_org"),
            SameOrganization(field="campaign", name="tracking_reply_campaign_same_org"),
            SameOrganization(field="contact", name="tracking_reply_contact_same_org"),
            models.UniqueConstraint(fields=["organization", "event_key"], name="tracking_reply_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="tracking_reply_newest"),
            models.Index(fields=["campaign", "-id"], name="tracking_reply_campaign"),
        ]

    def __str__(self) -> str:
        return self.subject or "Reply without a subject"


class SendingAlert(UUIDModel, OrganizationOwned):
    """What mail servers held against one sender's domain on one day (UTC), once for each kind however many mails.

    `words` are those of the first mail of the day, `campaign` is its campaign. Acknowledged, it stays acknowledged for
    that day; the next day's is a new one.
    """

    kind = models.CharField("what", max_length=12, choices=AlertKind)
    domain = models.CharField("sender's domain", max_length=253)
    day = models.DateField()
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="alerts", db_constraint=False, db_index=False
    )
    words = models.CharField("the server's words", max_length=500, blank=True)
    count = models.PositiveIntegerField("mails", default=0)
    first_seen = models.DateTimeField("first")
    last_seen = models.DateTimeField("last")
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField("acknowledged", null=True, blank=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "sending problem"
        ordering = ["-day", "-id"]
        constraints = [
            SameOrganization(field="campaign", name="tracking_alert_campaign_same_org"),
            models.UniqueConstraint(fields=["organization", "kind", "domain", "day"], name="tracking_alert_once"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-day"],
                condition=models.Q(acknowledged_at__isnull=True),
                name="tracking_alert_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.domain}"
