"""What happened to mails, and the counters that pages read."""

from django.db import models

from core.common.constraints import SameOrganization
from core.common.models import OrganizationOwned, UUIDModel
from core.tracking.choices import EventType, Verdict


class AnalyticsEvent(UUIDModel, OrganizationOwned):
    """One thing that happened to one message. Unique per `event_key`, so a doubled report changes nothing.

    Keeps what was seen (`seen`: method, user agent, headers that matter); the address is cut to its network.
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
    event_key = models.CharField(max_length=100)
    occurred_at = models.DateTimeField("when")
    received_at = models.DateTimeField("noted", auto_now_add=True)
    seen = models.JSONField(default=dict)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "event"
        ordering = ["-id"]
        constraints = [
            SameOrganization(field="message", name="tracking_event_message_same_org"),
            SameOrganization(field="campaign", name="tracking_event_campaign_same_org"),
            SameOrganization(field="contact", name="tracking_event_contact_same_org"),
            SameOrganization(field="link", name="tracking_event_link_same_org"),
            models.UniqueConstraint(fields=["organization", "event_key"], name="tracking_event_once"),
        ]
        indexes = [
            models.Index(fields=["campaign", "type", "occurred_at"], name="tracking_event_campaign"),
            models.Index(fields=["contact", "-id"], name="tracking_event_contact"),
            models.Index(fields=["message"], name="tracking_event_message"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} · {self.occurred_at:%Y-%m-%d %H:%M}"


class CampaignHour(UUIDModel, OrganizationOwned):
    """Rollup: how many events of a type and verdict a campaign had in an hour (UTC), and how many of them were a
    message's first of that type and kind. Recomputed from events, never added to."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="hours", db_constraint=False, db_index=False
    )
    hour = models.DateTimeField()
    type = models.CharField(max_length=12, choices=EventType)
    verdict = models.CharField(max_length=8, choices=Verdict)
    total = models.PositiveIntegerField(default=0)
    firsts = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        ordering = ["campaign", "hour"]
        constraints = [
            SameOrganization(field="campaign", name="tracking_hour_campaign_same_org"),
            models.UniqueConstraint(fields=["campaign", "hour", "type", "verdict"], name="tracking_hour_once"),
        ]
        indexes = [models.Index(fields=["organization", "hour"], name="tracking_hour_organization")]

    def __str__(self) -> str:
        return f"{self.type} {self.hour:%Y-%m-%d %H}h: {self.total}"


class LinkClicks(UUIDModel, OrganizationOwned):
    """Rollup: how often a link of a campaign was followed, and by how many messages' recipients (`firsts`: a message's
    first click on this link by its kind of visitor). Recomputed together with CampaignHour."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    link = models.ForeignKey(
        "campaigns.CampaignLink", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    verdict = models.CharField(max_length=8, choices=Verdict)
    total = models.PositiveIntegerField(default=0)
    firsts = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "clicks of a link"
        verbose_name_plural = "clicks of links"
        constraints = [
            SameOrganization(field="campaign", name="tracking_link_campaign_same_org"),
            SameOrganization(field="link", name="tracking_link_link_same_org"),
            models.UniqueConstraint(fields=["campaign", "link", "verdict"], name="tracking_link_once"),
        ]
        indexes = [models.Index(fields=["organization", "campaign"], name="tracking_link_organization")]

    def __str__(self) -> str:
        return f"{self.link}: {self.total}"


class DirtyCampaign(OrganizationOwned):
    """A campaign whose rollup is older than its events. `touched` rises with each event batch; the rollup removes the
    row only if it still finds the value it started from."""

    campaign = models.OneToOneField(
        "campaigns.Campaign", on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    touched = models.BigIntegerField(default=1)

    class Meta(OrganizationOwned.Meta):
        constraints = [SameOrganization(field="campaign", name="tracking_dirty_campaign_same_org")]

    def __str__(self) -> str:
        return str(self.campaign_id)
