"""Changes of many contacts that a worker makes."""

from django.conf import settings
from django.db import models

from core.common.constraints import tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.contacts.choices import BulkKind, BulkStatus


class BulkChange(UUIDModel, TimeStamped, OrganizationOwned):
    """One thing done to all contacts that match, chunk by chunk in the order of their ids, up to those that were there
    when it was asked for.

    `query` is the list's own query string; the worker opens the list with it as the person who asked. It may name
    somebody, and is emptied at the end. Kinds about a tag or a custom field find their contacts themselves. `values`
    holds what the kind needs (bulk.py). `last_id` is the checkpoint, moved in the transaction of each chunk.
    """

    kind = models.CharField("what", max_length=12, choices=BulkKind)
    title = models.CharField(max_length=200)
    query = models.TextField(blank=True)
    values = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    status = models.CharField(max_length=9, choices=BulkStatus, default=BulkStatus.QUEUED)
    last_id = models.UUIDField(null=True)
    seen_count = models.PositiveIntegerField("contacts looked at", default=0)
    changed_count = models.PositiveIntegerField("changed", default=0)
    problem = models.CharField("why it stopped", max_length=500, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "bulk change"
        ordering = ["-id"]
        constraints = [tenant_key("contacts_bulk_change")]
        indexes = [
            models.Index(
                fields=["status", "heartbeat_at"],
                name="contacts_bulk_change_waiting",
                condition=models.Q(status__in=("queued", "running")),
            )
        ]

    def __str__(self) -> str:
        return self.title
