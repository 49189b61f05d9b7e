"""What limits have to remember: mails of a day, and why a stream was stopped."""

from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, UUIDModel


class DailyCount(UUIDModel, OrganizationOwned):
    """How many mails a connection or a sending domain with a daily limit was granted on one day of its client.

    `subject_id` is the connection's or the domain's. Written with the claim, in the same transaction: nothing that
    happens to Redis or to a worker lets a second day's worth through. `allowed` is that day's limit.
    """

    subject_id = models.UUIDField()
    day = models.DateField()
    allowed = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-day"]
        constraints = [
            tenant_key("delivery_daily_count"),
            models.UniqueConstraint(fields=["subject_id", "day"], name="delivery_daily_count_once"),
        ]

    def __str__(self) -> str:
        return f"{self.used} of {self.allowed} on {self.day}"


class StreamStop(UUIDModel, OrganizationOwned):
    """The circuit opened: a campaign, or all of a client's mail from one domain, was stopped with this evidence.

    `campaign` is empty for a whole domain's stream. What was sent before `stopped_at` never counts again.
    `examples` are ids of messages; their addresses are shown only to those who may see them.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, null=True, related_name="stops", db_constraint=False
    )
    domain = models.CharField(max_length=253)
    stopped_at = models.DateTimeField("stopped", help_text="By the database's clock, as the times of batches.")
    looked_at = models.PositiveIntegerField("mails looked at")
    bounced = models.PositiveIntegerField()
    complained = models.PositiveIntegerField()
    words = models.JSONField(default=list, help_text="The provider's words without addresses, the commonest first.")
    examples = models.JSONField(default=list)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("delivery_stream_stop"),
            SameOrganization(field="campaign", name="delivery_stream_stop_campaign_same_org"),
        ]
        indexes = [models.Index(fields=["organization", "domain", "-id"], name="delivery_stream_stop_newest")]

    def __str__(self) -> str:
        return f"{self.bounced} bounces and {self.complained} complaints in {self.looked_at}"
