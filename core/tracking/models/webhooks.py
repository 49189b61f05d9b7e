"""Where providers report, and what they reported."""

from django.db import models
from django.utils import timezone

from core.common.constraints import SameOrganization, tenant_key
from core.common.encryption import EncryptedTextField
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.tracking.choices import DeadReason, PostState, WebhookKind


class WebhookEndpoint(UUIDModel, TimeStamped, OrganizationOwned):
    """Where a provider reports what became of the mails of one connection, or where mails come in that come back.

    Keys are public ones and shown again; secrets are shared and never shown. Two of each are good at once, so that one
    can be exchanged without losing a report. Which of them counts is the provider's way: see webhooks/proof.py.

    `reply_host` and `bounce_host` are hosts whose mail comes to this endpoint. Campaigns use them once a mail has come
    that way (`reply_seen_at`, `bounce_seen_at`).
    """

    connection = models.ForeignKey(
        "delivery.Connection", on_delete=models.CASCADE, related_name="webhook_endpoints", db_constraint=False
    )
    kind = models.CharField("what comes here", max_length=16, choices=WebhookKind, default=WebhookKind.EVENTS)
    key = models.TextField("verification key", blank=True)
    second_key = models.TextField("second verification key", blank=True)
    secret = EncryptedTextField(blank=True)
    second_secret = EncryptedTextField(blank=True)
    reply_host = models.CharField("host of replies", max_length=253, blank=True)
    bounce_host = models.CharField("host of bounces", max_length=253, blank=True)
    reply_seen_at = models.DateTimeField(null=True, editable=False)
    bounce_seen_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "webhook"
        ordering = ["-id"]
        constraints = [
            tenant_key("tracking_endpoint"),
            SameOrganization(field="connection", name="tracking_endpoint_connection_same_org"),
            models.UniqueConstraint(
                fields=["connection"],
                condition=models.Q(kind="events"),
                name="tracking_endpoint_events_once",
                violation_error_message="This connection has a webhook for reports already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.connection}"


class WebhookPost(UUIDModel, OrganizationOwned):
    """One verified request of a provider, raw until it was read; then the body, which holds addresses, is let go.

    Unique by the hash of its body: the same request again changes nothing. `result` counts what was found in it.
    """

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="posts", db_constraint=False, db_index=False
    )
    body_hash = models.CharField(max_length=64)
    body = models.BinaryField()
    headers = models.JSONField(default=dict, help_text="Those that are needed to read the body.")
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
        return f"{timezone.localtime(self.received_at):%Y-%m-%d %H:%M:%S}"


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
        return f"{self.get_reason_display()} · {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"
