"""Whom a client, or the whole agency, must not write to, whatever the contact says."""

from django.conf import settings
from django.db import models

from core.common.constraints import SameOrganization
from core.common.models import OrganizationOwned, UUIDModel
from core.contacts.choices import ListStatus, SuppressionKind, SuppressionReason


class SuppressionEntry(UUIDModel):
    """What suppressions of both scopes have in common. `key` holds kind and value together (suppression_keys.py), so
    that one index answers for addresses, domains and hashes. `email` is the address or domain as people read it, empty
    for hashes."""

    kind = models.CharField(max_length=8, choices=SuppressionKind, default=SuppressionKind.ADDRESS)
    email = models.CharField("address or domain", max_length=320, blank=True)
    key = models.CharField(max_length=330, editable=False, db_collation="C")
    reason = models.CharField(max_length=12, choices=SuppressionReason, default=SuppressionReason.MANUAL)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField("since", auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.email or f"{self.get_kind_display()} {self.key.partition(':')[2][:12]}…"


class Suppression(SuppressionEntry, OrganizationOwned):
    """One of one client, or of one of its groups: who left a topic still gets the rest."""

    group = models.ForeignKey(
        "contacts.ContactGroup",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="suppressions",
        db_constraint=False,
        db_index=False,
        verbose_name="only for group",
    )

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            SameOrganization(field="group", name="contacts_suppression_group_same_org"),
            models.UniqueConstraint(
                fields=["organization", "key", "group"],
                name="contacts_suppression_once",
                nulls_distinct=False,
                violation_error_message="This is suppressed already.",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="contacts_suppression_newest"),
            models.Index(
                fields=["organization", "-id"],
                name="contacts_suppression_bounced",
                condition=models.Q(reason=SuppressionReason.BOUNCED),
            ),
            models.Index(
                fields=["organization", "group", "key"],
                name="contacts_suppression_topic",
                condition=models.Q(group__isnull=False),
            ),
        ]


class AgencySuppression(SuppressionEntry):
    """One for every client of the agency."""

    class Meta:
        verbose_name = "agency suppression"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                name="contacts_agency_suppression_once",
                violation_error_message="This is suppressed already.",
            )
        ]


class DoNotMailList(UUIDModel):
    """A do-not-mail list of an old tool. `content` is the upload until it is added; `refused` the unreadable lines as
    CSV. `counts`: new, known and refused lines, and how many people in the contacts get no more mail by it."""

    file_name = models.CharField("file", max_length=200)
    content = models.BinaryField(null=True, editable=False)
    refused = models.BinaryField(null=True, editable=False)
    note = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=ListStatus, default=ListStatus.READING)
    counts = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField("uploaded", auto_now_add=True)
    finished_at = models.DateTimeField("added", null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.file_name


class SuppressionList(DoNotMailList, OrganizationOwned):
    """One of one client."""

    class Meta(OrganizationOwned.Meta):
        verbose_name = "do-not-mail list"
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "-id"], name="contacts_suppr_list_newest")]


class AgencySuppressionList(DoNotMailList):
    """One for every client of the agency."""

    class Meta:
        verbose_name = "do-not-mail list of the agency"
        ordering = ["-id"]
