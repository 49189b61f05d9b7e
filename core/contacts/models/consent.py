"""How people came to be written to, and what they decided since."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.contacts.choices import ConsentBasis, ConsentChange, SignupState


class ConsentEvent(UUIDModel, OrganizationOwned):
    """One change of a contact's consent. What an import stated stands on the contact itself until something changes."""

    contact = models.ForeignKey(
        "contacts.Contact", on_delete=models.CASCADE, related_name="consent_events", db_constraint=False, db_index=False
    )
    change = models.CharField(max_length=12, choices=ConsentChange)
    basis = models.CharField("legal basis", max_length=20, choices=ConsentBasis, blank=True)
    source = models.CharField("came by", max_length=200, blank=True)
    wording = models.TextField("what the person agreed to", blank=True)
    network = models.CharField(max_length=45, blank=True, help_text="The network the request came from.")
    occurred_at = models.DateTimeField("when")

    class Meta(OrganizationOwned.Meta):
        verbose_name = "consent"
        ordering = ["-id"]
        constraints = [SameOrganization(field="contact", name="contacts_consent_contact_same_org")]
        indexes = [models.Index(fields=["organization", "contact", "-id"], name="contacts_consent_contact")]

    def __str__(self) -> str:
        return f"{self.get_change_display()} · {self.occurred_at:%Y-%m-%d %H:%M}"


class SignupForm(UUIDModel, TimeStamped, OrganizationOwned):
    """A public form by which people subscribe to groups; hosted here and embeddable elsewhere."""

    name = models.CharField(max_length=120, help_text="For you; people see the title.")
    title = models.CharField(max_length=120)
    introduction = models.CharField(max_length=500, blank=True)
    button = models.CharField(max_length=40, default="Subscribe")
    consent_text = models.CharField(
        "what people agree to", max_length=500, help_text="Kept with every subscription as the proof of consent."
    )
    asked_fields = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    language = models.CharField(max_length=5, default="en")
    is_active = models.BooleanField("active", default=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "signup form"
        ordering = ["name"]
        constraints = [
            tenant_key("contacts_signup_form"),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="contacts_signup_form_once",
                violation_error_message="A form with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SignupFormGroup(UUIDModel, OrganizationOwned):
    """A group that people of a form come into."""

    form = models.ForeignKey(
        SignupForm, on_delete=models.CASCADE, related_name="form_groups", db_constraint=False, db_index=False
    )
    group = models.ForeignKey("contacts.ContactGroup", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "group of a form"
        constraints = [
            SameOrganization(field="form", name="contacts_form_group_form_same_org"),
            SameOrganization(field="group", name="contacts_form_group_group_same_org"),
            models.UniqueConstraint(fields=["organization", "form", "group"], name="contacts_form_group_once"),
        ]

    def __str__(self) -> str:
        return str(self.group)


class SignupRequest(UUIDModel, OrganizationOwned):
    """Somebody typed an address into a form. Until it is confirmed there is no contact: anybody can type anything.

    The confirmation mail is sent by the delivery package, which finds requests that are due.
    """

    form = models.ForeignKey(
        SignupForm, on_delete=models.CASCADE, related_name="requests", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact", on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    email = models.EmailField("email address", max_length=320)
    email_key = models.CharField(max_length=320, editable=False, db_collation="C")
    values = models.JSONField(default=dict)
    consent_text = models.CharField(max_length=500)
    network = models.CharField(max_length=45, blank=True)
    state = models.CharField(max_length=10, choices=SignupState, default=SignupState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField("asked", auto_now_add=True)
    confirmed_at = models.DateTimeField("confirmed", null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "signup request"
        ordering = ["-id"]
        constraints = [
            SameOrganization(field="form", name="contacts_signup_form_same_org"),
            SameOrganization(field="contact", name="contacts_signup_contact_same_org"),
        ]
        indexes = [
            models.Index(fields=["organization", "form", "-id"], name="contacts_signup_form_newest"),
            models.Index(fields=["organization", "email_key"], name="contacts_signup_address"),
            models.Index(fields=["due_at"], name="contacts_signup_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.email
