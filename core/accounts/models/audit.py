"""The append-only record of what people changed."""

from django.conf import settings
from django.db import models

from core.common.models import OrganizationOwned, UUIDModel


class AuditEvent(UUIDModel, OrganizationOwned):
    """Who did what to which object, with values before and after. The database refuses UPDATE and DELETE.

    `changes` is {field: [before, after]}. Without an organization it is an event of the agency itself, which only
    the scope of all organizations can see. The actor's label stays when the account goes.
    """

    organization = models.ForeignKey(  # type: ignore[assignment]
        "accounts.Organization",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    at = models.DateTimeField("when", auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    actor_label = models.CharField("who", max_length=254)
    action = models.CharField("what", max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=36)
    object_label = models.CharField("object", max_length=200, blank=True)
    changes = models.JSONField(default=dict)
    ip_address = models.GenericIPAddressField("from", null=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "history entry"
        verbose_name_plural = "history entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "-id"], name="accounts_audit_object"),
            models.Index(fields=["organization", "-id"], name="accounts_audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.object_label}: {self.action.replace('.', ' ').replace('_', ' ')}"
