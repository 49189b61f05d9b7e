"""Lists on their way out of the product."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.exports.choices import ExportFormat, ExportStatus


class ListExport(UUIDModel, TimeStamped, OrganizationOwned):
    """A filtered list as a file: what was asked for, how far it is, until when it can be fetched.

    `query` is the list's own query string (search and filters); the worker opens the list with it as the person who
    asked, so that the file holds what that person saw, and never more than the person may see when it is written.
    """

    model_label = models.CharField(max_length=100)
    title = models.CharField("list", max_length=100)
    query = models.TextField(blank=True)
    file_format = models.CharField("format", max_length=4, choices=ExportFormat, default=ExportFormat.CSV)
    columns = ArrayField(models.CharField(max_length=100))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=8, choices=ExportStatus, default=ExportStatus.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField("rows", default=0)
    bytes_total = models.PositiveBigIntegerField("size", default=0)
    problem = models.CharField("why it stopped", max_length=500, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)
    expires_at = models.DateTimeField("expires", null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "export"
        ordering = ["-id"]
        constraints = [tenant_key("exports_export")]
        indexes = [
            models.Index(
                fields=["status", "heartbeat_at"],
                name="exports_export_waiting",
                condition=models.Q(status__in=("queued", "running")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} as {self.file_format.upper()}"


class ExportPart(UUIDModel, OrganizationOwned):
    """A piece of the finished file, so that any web server can hand it out."""

    list_export = models.ForeignKey(
        ListExport, on_delete=models.CASCADE, related_name="parts", db_constraint=False, db_index=False
    )
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta(OrganizationOwned.Meta):
        verbose_name = "part of an export"
        verbose_name_plural = "parts of exports"
        ordering = ["number"]
        constraints = [
            SameOrganization(field="list_export", name="exports_part_export_same_org"),
            models.UniqueConstraint(fields=["list_export", "number"], name="exports_part_once"),
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"
