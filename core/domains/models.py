"""Domains that a client's mail comes from, and how their DNS was found."""

from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.encryption import EncryptedTextField
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.domains.choices import DomainStatus


class SendingDomain(UUIDModel, TimeStamped, OrganizationOwned):
    """A domain with a DKIM key of its own. `records` holds the last check, a dictionary for each record (checks.py)."""

    name = models.CharField("domain", max_length=253)
    selector = models.CharField(max_length=63, editable=False)
    private_key = EncryptedTextField(editable=False)
    public_key = models.TextField(editable=False)
    status = models.CharField(max_length=10, choices=DomainStatus, default=DomainStatus.PENDING, editable=False)
    records = models.JSONField(default=list, editable=False)
    checked_at = models.DateTimeField("checked", null=True, editable=False)
    verified_at = models.DateTimeField("verified since", null=True, editable=False)

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
