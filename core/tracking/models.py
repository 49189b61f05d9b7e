"""What happened to mails, and the counters that pages read."""

from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.delivery.bounces import BounceClass
from core.tracking.choices import DeadReason, EventType, LossReason, PostState, Verdict


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
    bounce_class = models.CharField(max_length=16, choices=BounceClass, blank=True, default="", db_default="")
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


class WebhookEndpoint(UUIDModel, TimeStamped, OrganizationOwned):
    """Where a provider reports what became of the mails of one connection, and the keys its reports are signed with.

    Two keys are good at once, so that one can be exchanged without losing a report.
    """

    connection = models.OneToOneField(
        "delivery.Connection", on_delete=models.CASCADE, related_name="webhook_endpoint", db_constraint=False
    )
    key = models.TextField("verification key")
    second_key = models.TextField("second verification key", blank=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "event webhook"
        ordering = ["-id"]
        constraints = [
            tenant_key("tracking_endpoint"),
            SameOrganization(field="connection", name="tracking_endpoint_connection_same_org"),
        ]

    def __str__(self) -> str:
        return f"Event webhook of {self.connection}"


class WebhookPost(UUIDModel, OrganizationOwned):
    """One verified request of a provider, raw until it was read; then the body, which holds addresses, is let go.

    Unique by the hash of its body: the same request again changes nothing. `result` counts what was found in it.
    """

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="posts", db_constraint=False, db_index=False
    )
    body_hash = models.CharField(max_length=64)
    body = models.BinaryField()
    state = models.CharField(max_length=8, choices=PostState, default=PostState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    signed_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    result = models.JSONField(default=dict)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "webhook post"
        ordering = ["-id"]
        constraints = [
            tenant_key("tracking_post"),
            SameOrganization(field="endpoint", name="tracking_post_endpoint_same_org"),
            models.UniqueConstraint(fields=["endpoint", "body_hash"], name="tracking_post_once"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="tracking_post_newest"),
            models.Index(fields=["id"], condition=models.Q(state="waiting"), name="tracking_post_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.received_at:%Y-%m-%d %H:%M:%S}"


class DeadEvent(UUIDModel, OrganizationOwned):
    """An event of a verified post that could not be applied, without the address it was about. Can be tried again."""

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="dead_events", db_constraint=False, db_index=False
    )
    event_key = models.CharField(max_length=100)
    reason = models.CharField("why", max_length=10, choices=DeadReason)
    words = models.CharField("what went wrong", max_length=300, blank=True)
    event = models.JSONField()
    created_at = models.DateTimeField("received", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "set-aside event"
        ordering = ["-id"]
        constraints = [
            SameOrganization(field="endpoint", name="tracking_dead_endpoint_same_org"),
            models.UniqueConstraint(fields=["endpoint", "event_key"], name="tracking_dead_once"),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="tracking_dead_newest")]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} · {self.created_at:%Y-%m-%d %H:%M}"


class HeldHit(models.Model):
    """An open or a click that Redis could not take, until it is read. `hit` is what the stream would have held."""

    id = models.BigAutoField(primary_key=True)
    hit = models.BinaryField()

    class Meta:
        verbose_name = "held hit"

    def __str__(self) -> str:
        return str(self.pk)


class LostHits(UUIDModel):
    """Opens and clicks that were answered but could not be kept. Nobody knows whose they were."""

    reason = models.CharField("why", max_length=10, choices=LossReason)
    count = models.PositiveIntegerField("how many")
    noted_at = models.DateTimeField("noted", auto_now_add=True)

    class Meta:
        verbose_name = "loss of opens and clicks"
        verbose_name_plural = "lost opens and clicks"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.count:,} · {self.get_reason_display()}"
