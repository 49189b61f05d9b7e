"""The ledger: one row per mail, and the batches that carry them out."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.common.constraints import SameOrganization, SameOrganizationInBulk, tenant_key
from core.common.models import OrganizationOwned, UUIDModel
from core.delivery.bounces import BounceClass
from core.delivery.states import BatchState, DeliveryState, SendState, SkipReason


class DeliveryBatch(UUIDModel, OrganizationOwned):
    """The messages of one campaign for one connection: the unit of claim, lease, intent and doubt.

    Times are the database's clock. `fencing_token` rises with every claim: an outcome with an older one is refused.
    `size` and the counts always equal a recount of the batch's messages: they change in the statement that moves a
    message. Progress pages add them up instead of counting messages.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="batches", db_constraint=False, db_index=False
    )
    connection = models.ForeignKey(
        "delivery.Connection", on_delete=models.PROTECT, related_name="batches", db_constraint=False
    )
    number = models.PositiveIntegerField()
    variant = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Which variant of an A/B test; 0: no test, or its winner is awaited."
    )
    state = models.CharField(max_length=12, choices=BatchState, default=BatchState.READY)
    size = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(help_text="Not claimed before.")
    lease_until = models.DateTimeField(null=True)
    fencing_token = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    accepted_count = models.PositiveSmallIntegerField(default=0)
    suppressed_count = models.PositiveSmallIntegerField(default=0)
    failed_count = models.PositiveSmallIntegerField(default=0)
    retry_count = models.PositiveSmallIntegerField(default=0)
    uncertain_count = models.PositiveSmallIntegerField(default=0)
    unresolved_count = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "batch"
        verbose_name_plural = "batches"
        ordering = ["campaign", "number"]
        constraints = [
            tenant_key("delivery_batch"),
            SameOrganization(field="campaign", name="delivery_batch_campaign_same_org"),
            SameOrganization(field="connection", name="delivery_batch_connection_same_org"),
            models.UniqueConstraint(fields=["campaign", "number"], name="delivery_batch_number_once"),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "due_at", "number"],
                condition=models.Q(state="ready"),
                name="delivery_batch_ready",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=["leased", "dispatching"]),
                name="delivery_batch_leased",
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.number} of {self.campaign}"


class Message(UUIDModel, OrganizationOwned):
    """One mail to one contact: the ledger row, kept slim.

    `send_state` is ours and written by `outcomes` only. `delivery_state` and the sticky times are a fold of the
    provider's and the recipient's events, written by tracking: `bounced_at` for addresses that do not exist,
    `bounce_class` and `bounce_words` for whatever came back.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="messages", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", on_delete=models.PROTECT, related_name="messages", db_constraint=False, db_index=False
    )
    batch = models.ForeignKey(
        DeliveryBatch,
        on_delete=models.SET_NULL,
        null=True,
        related_name="messages",
        db_constraint=False,
        db_index=False,
    )
    send_state = models.CharField(max_length=10, choices=SendState, default=SendState.READY)
    reason = models.CharField(max_length=20, choices=SkipReason, blank=True)
    words = models.CharField("provider's words", max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    resends = models.PositiveSmallIntegerField("operator's resends", default=0)
    due_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField("accepted", null=True)
    provider_message_id = models.CharField(max_length=200, blank=True)
    delivery_state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.NONE)
    bounced_at = models.DateTimeField("bounced", null=True)
    bounce_class = models.CharField(max_length=16, choices=BounceClass, blank=True, default="", db_default="")
    bounce_words = models.CharField("words of the bounce", max_length=500, blank=True, default="", db_default="")
    complained_at = models.DateTimeField("complained", null=True)
    unsubscribed_at = models.DateTimeField("unsubscribed", null=True)
    opened_at = models.DateTimeField("first open", null=True)
    clicked_at = models.DateTimeField("first click", null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("delivery_message"),
            SameOrganization(field="campaign", name="delivery_message_campaign_same_org"),
            SameOrganization(field="contact", name="delivery_message_contact_same_org"),
            SameOrganization(field="batch", name="delivery_message_batch_same_org"),
            models.UniqueConstraint(fields=["campaign", "contact"], name="delivery_message_once"),
        ]
        indexes = [
            models.Index(fields=["batch"], name="delivery_message_batch"),
            models.Index(fields=["contact", "-id"], name="delivery_message_contact"),
            # Without a word of `send_state`: an index that names it, even as a condition, would turn every change of
            # state into new entries in all indexes (no HOT update). Only waiting mails have a time.
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="delivery_message_waiting"),
            # The few of a campaign that came back or led to something, for the lists of them.
            models.Index(
                fields=["campaign", "-id"], condition=~models.Q(bounce_class=""), name="delivery_message_bounced"
            ),
            models.Index(
                fields=["campaign", "-id"],
                condition=models.Q(complained_at__isnull=False),
                name="delivery_message_complained",
            ),
            models.Index(
                fields=["campaign", "-id"],
                condition=models.Q(unsubscribed_at__isnull=False),
                name="delivery_message_left",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} to {self.contact}"


class MessageValues(OrganizationOwned):
    """Address and merge values a message was built from, written with the intent: the mail can be shown again."""

    # The message has this key, and `delivery_values_same_org` says that both have the same organization.
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, primary_key=True, related_name="values", db_constraint=False
    )
    snapshot = models.ForeignKey(
        "campaigns.CampaignSnapshot",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    address = models.CharField(max_length=320)
    values = models.JSONField(default=dict)
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        constraints = [
            SameOrganizationInBulk(
                fields=["message", "snapshot"], changing=["snapshot"], name="delivery_values_same_org"
            ),
        ]

    def __str__(self) -> str:
        return str(self.message_id)


class SendAttempt(UUIDModel, OrganizationOwned):
    """One committed intent: the slice of a batch that was about to be handed over. Finished with its outcome.

    An attempt without `finished_at` whose lease ran out is the doubt that the sweeper settles.
    """

    batch = models.ForeignKey(
        DeliveryBatch, on_delete=models.CASCADE, related_name="attempts", db_constraint=False, db_index=False
    )
    fencing_token = models.PositiveIntegerField()
    message_ids = ArrayField(models.UUIDField())
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    result = models.JSONField(default=dict, help_text="How many of each outcome.")

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [SameOrganization(field="batch", name="delivery_attempt_batch_same_org")]
        indexes = [models.Index(fields=["batch"], name="delivery_attempt_batch")]

    def __str__(self) -> str:
        return f"Attempt of {self.batch}"
