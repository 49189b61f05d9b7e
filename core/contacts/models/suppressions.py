"""Addresses a client must not write to, whatever the contact says."""

from django.db import models

from core.common.models import OrganizationOwned, UUIDModel
from core.contacts.choices import SuppressionReason


class Suppression(UUIDModel, OrganizationOwned):
    """One address of one client. Looked at for a whole batch at the last moment before it is sent."""

    email = models.EmailField("email address", max_length=320)
    email_key = models.CharField(max_length=320, editable=False, db_collation="C")
    reason = models.CharField(max_length=12, choices=SuppressionReason, default=SuppressionReason.MANUAL)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField("since", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email_key"],
                name="contacts_suppression_once",
                violation_error_message="This address is suppressed already.",
            )
        ]

    def __str__(self) -> str:
        return self.email
