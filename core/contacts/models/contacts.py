"""People a client writes to, and the static lists they are in."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_time_zone
from core.contacts.choices import ConsentBasis, ContactStatus, MailFrequency


class Contact(UUIDModel, TimeStamped, OrganizationOwned):
    """One person of one client. `email` is as typed (domain lower-cased); `email_key` decides who is the same.

    `address_hash` is the keyed hash of `email_key` (addresses.address_hash): what an erased person's suppression is
    known by. An erased contact keeps its row, without a word about the person, so that figures stay what they were.
    """

    email = models.EmailField("email address", max_length=320)
    email_key = models.CharField(max_length=320, editable=False, db_collation="C")
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    address_hash = models.CharField(max_length=32, editable=False, db_collation="C")
    is_role_address = models.BooleanField(
        "role address", default=False, editable=False, help_text="Such as info@: read by several people."
    )
    is_disposable_address = models.BooleanField("disposable address", default=False, editable=False)
    phone = models.CharField(max_length=40, blank=True)
    phone_e164 = models.CharField("phone, international", max_length=16, blank=True, editable=False)
    company = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    language = models.CharField(max_length=16, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    status = models.CharField(max_length=12, choices=ContactStatus, default=ContactStatus.SUBSCRIBED)
    source = models.CharField(max_length=100, blank=True, help_text="Where the contact came from.")
    consent_at = models.DateTimeField("consent given", null=True, blank=True)
    consent_basis = models.CharField("legal basis", max_length=20, choices=ConsentBasis, blank=True)
    consent_source = models.CharField("consent came by", max_length=200, blank=True)
    mail_frequency = models.CharField("how often", max_length=8, choices=MailFrequency, blank=True, default="")
    paused_until = models.DateTimeField("paused until", null=True, blank=True)
    last_opened_at = models.DateTimeField("last open", null=True, editable=False)
    last_clicked_at = models.DateTimeField("last click", null=True, editable=False)
    deleted_at = models.DateTimeField("deleted", null=True, editable=False)
    erased_at = models.DateTimeField("erased", null=True, editable=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="merged_contacts",
        db_constraint=False,
        db_index=False,
    )

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("contacts_contact"),
            SameOrganization(field="merged_into", name="contacts_contact_merged_same_org"),
            models.UniqueConstraint(
                fields=["organization", "email_key"],
                name="contacts_contact_email_once",
                violation_error_message="A contact with this email address exists already.",
            ),
        ]
        indexes = [
            # Newest first is the tenant key read backwards. Ascending, as keys rise: a descending index would split
            # its first page again and again and end up half empty.
            models.Index(fields=["organization", "status", "id"], name="contacts_contact_status"),
            GinIndex(fields=["tags"], name="contacts_contact_tags"),
            GinIndex(fields=["attributes"], opclasses=["jsonb_path_ops"], name="contacts_contact_attributes"),
            models.Index(
                fields=["organization", "phone_e164"],
                name="contacts_contact_phone",
                condition=~models.Q(phone_e164=""),
            ),
            models.Index(
                fields=["merged_into"],
                name="contacts_contact_merged",
                condition=models.Q(merged_into__isnull=False),
            ),
            # Filters of the list for what few contacts have; the others cost an insert nothing.
            models.Index(
                fields=["organization", "id"],
                name="contacts_contact_role_address",
                condition=models.Q(is_role_address=True),
            ),
            models.Index(
                fields=["organization", "id"],
                name="contacts_contact_disposable",
                condition=models.Q(is_disposable_address=True),
            ),
            models.Index(
                fields=["organization", "id"],
                name="contacts_contact_no_consent",
                condition=models.Q(consent_basis=""),
            ),
            # Few rows: an import finds those that come back, the purge those that are due.
            models.Index(
                fields=["organization", "deleted_at"],
                name="contacts_contact_deleted",
                condition=models.Q(deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.email or "Erased contact"

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class ContactSearch(OrganizationOwned):
    """What a contact is found by when a part is typed: address, names, company and phone in lower case.

    A table apart, because a trigram index on the contacts themselves would halve the speed of imports. Services keep it
    (`search.contacts_reindex`); an import's chunks are taken in right after they are written.
    """

    contact = models.OneToOneField(
        Contact, on_delete=models.CASCADE, primary_key=True, related_name="search", db_constraint=False
    )
    text = models.TextField()

    class Meta(OrganizationOwned.Meta):
        constraints = [SameOrganization(field="contact", name="contacts_search_contact_same_org")]
        indexes = [
            GinIndex(fields=["text"], opclasses=["gin_trgm_ops"], name="contacts_search_part"),
            models.Index(fields=["organization", "contact"], name="contacts_search_newest"),
        ]

    def __str__(self) -> str:
        return self.text


class ContactGroup(UUIDModel, TimeStamped, OrganizationOwned):
    """A static list of contacts. As a topic it stands in the preference centre, where people leave and join it."""

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    is_topic = models.BooleanField(
        "topic", default=False, help_text="People see it in the preference centre and decide about it themselves."
    )
    public_name = models.CharField(
        "name people see", max_length=120, blank=True, help_text="Empty: the group's own name."
    )
    public_description = models.CharField("description people see", max_length=300, blank=True)

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

    # That the organization exists follows from its being the group's and the contact's: a check less for each row.
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
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
            models.UniqueConstraint(fields=["organization", "group", "contact"], name="contacts_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact} in {self.group}"
