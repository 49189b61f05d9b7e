"""Clients of the agency, and who works for them in which role."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.accounts.choices import ApprovalPolicy, OrganizationStatus, Role
from core.accounts.models.brand import BrandKit, validate_hex_color
from core.common.constraints import tenant_key
from core.common.models import OrganizationOwned, ScopedModel, TimeStamped, UUIDModel
from core.common.validators import validate_one_line, validate_time_zone


class Organization(UUIDModel, TimeStamped, BrandKit, ScopedModel):
    """One client of the agency: the tenant. In reach only when the scope says so."""

    organization_attribute: ClassVar[str] = "id"

    name = models.CharField(max_length=120, unique=True, validators=[validate_one_line])
    slug = models.SlugField(max_length=60, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="owned_organizations"
    )
    status = models.CharField(max_length=12, choices=OrganizationStatus, default=OrganizationStatus.ACTIVE)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    color = models.CharField("colour", max_length=7, default="#4f46e5", validators=[validate_hex_color])
    postal_address = models.TextField(
        blank=True, help_text="Stands in the footer of every mail: the law asks for a postal address."
    )
    default_from_name = models.CharField("sender name", max_length=100, blank=True, validators=[validate_one_line])
    default_from_email = models.EmailField("sender address", blank=True)
    approval_policy = models.CharField(
        "who approves campaigns", max_length=10, choices=ApprovalPolicy, default=ApprovalPolicy.NONE
    )
    approver_name = models.CharField("client's approver", max_length=100, blank=True, validators=[validate_one_line])
    approver_email = models.EmailField("client's approver's address", blank=True)
    campaign_name_pattern = models.CharField(
        "names of campaigns",
        max_length=120,
        blank=True,
        validators=[validate_one_line],
        help_text="A pattern that new campaigns begin with, such as {client} {year}-{month} {template}.",
    )
    utm_source = models.CharField("UTM source", max_length=100, blank=True, validators=[validate_one_line])
    utm_medium = models.CharField("UTM medium", max_length=100, blank=True, validators=[validate_one_line])
    utm_campaign = models.CharField(
        "UTM campaign",
        max_length=100,
        blank=True,
        validators=[validate_one_line],
        help_text="A pattern, such as {campaign}. Empty fields add nothing to links.",
    )
    web_hosts = ArrayField(
        models.CharField(max_length=253),
        default=list,
        blank=True,
        verbose_name="web hosts",
        help_text="Sites that are this client's own. A mail of another client that links there is stopped.",
    )
    watch_words = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        verbose_name="words of this client",
        help_text="Names that only this client's mails may hold, such as its brands.",
    )
    mails_per_hour = models.PositiveIntegerField("mails an hour at most", null=True, blank=True)
    uses_honeypot_link = models.BooleanField(
        "hidden link in mails",
        default=False,
        db_default=False,
        help_text="A link that no person sees, at the end of each mail. Link scanners follow it and give themselves "
        "away, so that their opens and clicks are not counted as people's.",
    )
    is_demo = models.BooleanField("demo data", default=False, editable=False)

    class Meta(ScopedModel.Meta):
        verbose_name = "client"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        words = [word for word in self.name.split() if word[0].isalnum()]
        return "".join(word[0] for word in words[:2]).upper()


class OrganizationMembership(UUIDModel, OrganizationOwned):
    """A user's role in one client. Inactive memberships count as none, from the next request on."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    is_active = models.BooleanField("active", default=True)
    joined_at = models.DateTimeField("joined", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "member"
        ordering = ["joined_at"]
        constraints = [
            tenant_key("accounts_membership"),
            models.UniqueConstraint(fields=["organization", "user"], name="accounts_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"
