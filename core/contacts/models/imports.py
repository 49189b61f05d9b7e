"""One upload of contacts, from the file to its result."""

from django.conf import settings
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.contacts.choices import ImportStatus


class ContactImport(UUIDModel, TimeStamped, OrganizationOwned):
    """A file of contacts on its way in. The content lies in the row, so any worker on any machine can run it.

    `rows_done` is the checkpoint: everything before it is committed, so a killed worker's successor goes on there.
    """

    file_name = models.CharField(max_length=200)
    content = models.BinaryField()
    columns = models.JSONField(
        default=list, help_text="Header and field of each column in order; one without a field is left out."
    )
    encoding = models.CharField(max_length=40, blank=True)
    group = models.ForeignKey(
        "contacts.ContactGroup", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.DRAFT)
    rows_total = models.PositiveIntegerField("rows", default=0)
    rows_done = models.PositiveIntegerField("rows done", default=0)
    created_count = models.PositiveIntegerField("new", default=0)
    updated_count = models.PositiveIntegerField("changed", default=0)
    unchanged_count = models.PositiveIntegerField("same", default=0)
    refused_count = models.PositiveIntegerField("refused", default=0)
    protected_count = models.PositiveIntegerField("stay unsubscribed", default=0)
    problem = models.TextField("why it stopped", blank=True)
    started_at = models.DateTimeField("started", null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "import"
        ordering = ["-id"]
        constraints = [
            tenant_key("contacts_import"),
            SameOrganization(field="group", name="contacts_import_group_same_org"),
        ]

    def __str__(self) -> str:
        return self.file_name


class RefusedRow(UUIDModel, OrganizationOwned):
    """A row of an import that was not taken, with the reason for the person who will mend it."""

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="refused_rows", db_constraint=False, db_index=False
    )
    row_number = models.PositiveIntegerField("row")
    values = models.JSONField()
    reason = models.CharField(max_length=300)

    class Meta(OrganizationOwned.Meta):
        ordering = ["row_number"]
        constraints = [
            SameOrganization(field="contact_import", name="contacts_refused_import_same_org"),
            models.UniqueConstraint(fields=["contact_import", "row_number"], name="contacts_refused_once"),
        ]

    def __str__(self) -> str:
        return f"Row {self.row_number}: {self.reason}"
