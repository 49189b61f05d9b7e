"""Domains that a client's mail comes from, and how their DNS was found."""

from django.core.validators import MinValueValidator
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.encryption import EncryptedTextField
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.domains.choices import DomainStatus
from core.domains.warmup import WarmUp


class SendingDomain(WarmUp, UUIDModel, TimeStamped, OrganizationOwned):
    """A domain with a DKIM key of its own. `records` holds the last check, a dictionary for each record (checks.py).

    `return_path`, `reply_host` and `tracking` are host names below it that lead to us or to the provider; they are
    optional. Mails use the first two as soon as they stand here: whoever writes them has seen a mail come that way.
    Links show `tracking` while `tracking_verified_at` stands (`queries.link_base`).
    `provider_records` are those that SendGrid asks for, `provider_id` its number of this domain. `broken_checks`
    counts the checks in a row that found a verified domain broken. While `paused_at` stands nothing of it starts.
    """

    name = models.CharField("domain", max_length=253)
    selector = models.CharField(max_length=63, editable=False)
    private_key = EncryptedTextField(editable=False)
    public_key = models.TextField(editable=False)
    status = models.CharField(max_length=10, choices=DomainStatus, default=DomainStatus.PENDING, editable=False)
    records = models.JSONField(default=list, editable=False)
    checked_at = models.DateTimeField("checked", null=True, editable=False)
    verified_at = models.DateTimeField("verified since", null=True, editable=False)

    return_path = models.CharField("return path", max_length=253, blank=True, editable=False)
    reply_host = models.CharField("host of replies", max_length=253, blank=True, default="", editable=False)
    tracking = models.CharField("host of links", max_length=253, blank=True, editable=False)
    tracking_verified_at = models.DateTimeField(null=True, editable=False)
    provider_id = models.CharField(max_length=40, blank=True, editable=False)
    provider_records = models.JSONField(default=list, editable=False)
    mails_per_hour = models.PositiveIntegerField(
        "mails an hour at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    broken_checks = models.PositiveSmallIntegerField(default=0, editable=False)
    paused_at = models.DateTimeField("stopped since", null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name"]
        constraints = [
            tenant_key("domains_domain"),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="domains_domain_once",
                violation_error_message="This domain is there already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DomainCheck(UUIDModel, OrganizationOwned):
    """A check that found something else than the one before it."""

    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="checks", db_constraint=False)
    status = models.CharField(max_length=10, choices=DomainStatus)
    records = models.JSONField(default=list)
    checked_at = models.DateTimeField("checked", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("domains_check"),
            SameOrganization(field="domain", name="domains_check_domain_same_org"),
        ]

    def __str__(self) -> str:
        return f"{self.domain}, {self.get_status_display().lower()}"
