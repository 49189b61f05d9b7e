"""One upload of contacts, from the file to its result and back."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.contacts.choices import ConsentBasis, ImportMode, ImportStatus


class ContactImport(UUIDModel, TimeStamped, OrganizationOwned):
    """A file of contacts on its way in, and what came of it.

    The file itself lies in ImportPart rows, so that any worker on any machine can run it, and is gone once the import
    has ended. `rows_done` is the checkpoint: everything before it is committed, so a killed worker's successor goes on
    there.
    """

    file_name = models.CharField(max_length=200)
    file_format = models.CharField("format", max_length=8, blank=True)
    encoding = models.CharField(max_length=40, blank=True)
    delimiter = models.CharField(max_length=4, blank=True)
    columns = models.JSONField(
        default=list, help_text="Header and field of each column in order; one without a field is left out."
    )
    mode = models.CharField("known contacts", max_length=10, choices=ImportMode, default=ImportMode.UPDATE)
    group_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    consent_basis = models.CharField("legal basis", max_length=20, choices=ConsentBasis, blank=True)
    consent_source = models.CharField("consent came by", max_length=200, blank=True)
    consent_on = models.DateField("consent given on", null=True, blank=True)
    phone_region = models.CharField(
        "country of phones", max_length=2, blank=True, help_text="For numbers that are written without +."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.READING)
    rows_total = models.PositiveIntegerField("rows", default=0)
    rows_done = models.PositiveIntegerField("rows done", default=0)
    created_count = models.PositiveIntegerField("new", default=0)
    updated_count = models.PositiveIntegerField("changed", default=0)
    unchanged_count = models.PositiveIntegerField("same", default=0)
    refused_count = models.PositiveIntegerField("refused", default=0)
    protected_count = models.PositiveIntegerField("stay unsubscribed", default=0)
    totals = models.JSONField(
        null=True, help_text="What the whole file would do with these columns and choices, once it has been counted."
    )
    problem = models.TextField("why it stopped", blank=True)
    started_at = models.DateTimeField("started", null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)
    undone_at = models.DateTimeField("undone", null=True)
    restored_count = models.PositiveIntegerField("restored", default=0)
    kept_count = models.PositiveIntegerField("changed since and kept", default=0)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "import"
        ordering = ["-id"]
        constraints = [tenant_key("contacts_import")]

    def __str__(self) -> str:
        return self.file_name


class ImportPart(UUIDModel, OrganizationOwned):
    """Some thousand rows of an upload in one form, whatever the file was: see imports/parts.py.

    A raw part is a piece of the file as it came, waiting for a worker that reads it.
    """

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="parts", db_constraint=False, db_index=False
    )
    number = models.PositiveIntegerField()
    is_raw = models.BooleanField(default=False)
    row_count = models.PositiveIntegerField("rows", default=0)
    content = models.BinaryField()

    class Meta(OrganizationOwned.Meta):
        verbose_name = "part of an import"
        verbose_name_plural = "parts of imports"
        ordering = ["number"]
        constraints = [
            SameOrganization(field="contact_import", name="contacts_part_import_same_org"),
            models.UniqueConstraint(fields=["contact_import", "is_raw", "number"], name="contacts_part_once"),
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"


class ImportedChunk(UUIDModel, OrganizationOwned):
    """What one committed chunk of an import did: enough to undo it row by row, and to make its contacts searchable.

    A contact is as the import left it when its `updated_at` is still `written_at`. `before` maps the id of each changed
    contact to the values it had; `joined` maps a group's id to the contacts that were put into it.
    """

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="chunks", db_constraint=False, db_index=False
    )
    number = models.PositiveIntegerField()
    written_at = models.DateTimeField()
    created_ids = ArrayField(models.UUIDField(), default=list)
    revived_ids = ArrayField(models.UUIDField(), default=list)
    before = models.JSONField(default=dict)
    joined = models.JSONField(default=dict)
    kept = models.JSONField(default=dict, help_text="Contacts that an undo left alone: id and why.")
    is_searchable = models.BooleanField(default=False)
    is_undone = models.BooleanField(default=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "chunk of an import"
        verbose_name_plural = "chunks of imports"
        ordering = ["number"]
        constraints = [
            SameOrganization(field="contact_import", name="contacts_chunk_import_same_org"),
            models.UniqueConstraint(fields=["contact_import", "number"], name="contacts_chunk_once"),
        ]
        indexes = [
            models.Index(fields=["id"], name="contacts_chunk_to_search", condition=models.Q(is_searchable=False))
        ]

    def __str__(self) -> str:
        return f"Chunk {self.number}"


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


class ColumnChoice(UUIDModel, OrganizationOwned):
    """What a client's people chose for a header last time; "" when they left the column out."""

    header_key = models.CharField(max_length=100)
    field = models.CharField(max_length=60, blank=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "remembered column"
        constraints = [
            models.UniqueConstraint(fields=["organization", "header_key"], name="contacts_column_choice_once")
        ]

    def __str__(self) -> str:
        return f"{self.header_key} → {self.field or 'left out'}"
