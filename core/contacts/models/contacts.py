"""People a client writes to, and the static lists they are in."""

from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_time_zone
from core.contacts.choices import ContactStatus


class Contact(UUIDModel, TimeStamped, OrganizationOwned):
    """One person of one client. `email` is as typed (domain lower-cased); `email_key` decides who is the same."""

    email = models.EmailField("email address", max_length=320)
    email_key = models.CharField(max_length=320, editable=False, db_collation="C")
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    company = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    language = models.CharField(max_length=16, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=12, choices=ContactStatus, default=ContactStatus.SUBSCRIBED)
    source = models.CharField(max_length=100, blank=True, help_text="Where the contact came from.")
    consent_at = models.DateTimeField("consent given", null=True, blank=True)
    last_opened_at = models.DateTimeField("last open", null=True, editable=False)
    last_clicked_at = models.DateTimeField("last click", null=True, editable=False)
    deleted_at = models.DateTimeField("deleted", null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("contacts_contact"),
            models.UniqueConstraint(
                fields=["organization", "email_key"],
                name="contacts_contact_email_once",
                violation_error_message="A contact with this email address exists already.",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="contacts_contact_newest"),
            # Few rows: an import finds those that come back, the purge those that are due.
            models.Index(
                fields=["organization", "deleted_at"],
                name="contacts_contact_deleted",
                condition=models.Q(deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class ContactGroup(UUIDModel, TimeStamped, OrganizationOwned):
    """A static list of contacts."""

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "group"
        ordering = ["name"]
        constraints = [
            tenant_key("contacts_group"),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="contacts_group_name_once",
                violation_error_message="A group with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ContactGroupMembership(UUIDModel, OrganizationOwned):
    """A contact's place in a group."""

    group = models.ForeignKey(
        ContactGroup, on_delete=models.CASCADE, related_name="group_memberships", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="group_memberships", db_constraint=False
    )
    added_at = models.DateTimeField("added", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "group membership"
        constraints = [
            SameOrganization(field="group", name="contacts_membership_group_same_org"),
            SameOrganization(field="contact", name="contacts_membership_contact_same_org"),
            models.UniqueConstraint(fields=["group", "contact"], name="contacts_membership_once"),
        ]
        indexes = [models.Index(fields=["organization", "group"], name="contacts_membership_org")]

    def __str__(self) -> str:
        return f"{self.contact} in {self.group}"
