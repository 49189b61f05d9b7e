"""Plans, which client is on which, and what a client has used."""

from typing import Any

from django.core.validators import MinLengthValidator
from django.db import models

from core.common.constraints import tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.subscriptions.choices import BillingFrequency, Metric, SubscriptionStatus
from core.subscriptions.features import feature_paths, validate_features


def _limit(label: str) -> Any:
    return models.PositiveBigIntegerField(label, null=True, blank=True, help_text="Empty means unlimited.")


class Plan(UUIDModel, TimeStamped):
    """What the agency offers its clients. Prices are in minor units (cents)."""

    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(unique=True)
    monthly_price_minor = models.PositiveIntegerField("monthly price (cents)", default=0)
    yearly_price_minor = models.PositiveIntegerField("yearly price (cents)", default=0)
    currency = models.CharField(max_length=3, default="EUR", validators=[MinLengthValidator(3)])
    max_contacts = _limit("contacts")
    max_emails = _limit("emails per month")
    max_campaigns = _limit("campaigns per month")
    max_members = _limit("members")
    features = models.JSONField(default=dict, blank=True, validators=[validate_features])
    is_public = models.BooleanField("offered", default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def limit(self, metric: Metric) -> int | None:
        """The limit of a metric; None means unlimited."""
        return getattr(self, f"max_{metric.value}")

    def has_feature(self, path: str) -> bool:
        return bool(feature_paths(self.features).get(path))


class Subscription(UUIDModel, TimeStamped, OrganizationOwned):
    """The plan a client is on. One per client."""

    organization = models.OneToOneField("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=12, choices=SubscriptionStatus, default=SubscriptionStatus.ACTIVE)
    billing_frequency = models.CharField(max_length=8, choices=BillingFrequency, default=BillingFrequency.MONTHLY)
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)
    trial_end = models.DateField(null=True, blank=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["organization__name"]
        constraints = [tenant_key("subscriptions_subscription")]

    def __str__(self) -> str:
        return f"{self.organization} on {self.plan}"


class Usage(UUIDModel, OrganizationOwned):
    """How much of a metric a client has used: one row per metric and month (levels use the month 1970-01-01).

    `used` includes what is reserved for work under way; written only by `usage.reserve` and `usage.release`.
    """

    metric = models.CharField(max_length=12, choices=Metric)
    month = models.DateField()
    used = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField("changed", auto_now=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name_plural = "usage"
        ordering = ["-month", "metric"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "metric", "month"], name="subscriptions_usage_once"),
            models.CheckConstraint(condition=models.Q(used__gte=0), name="subscriptions_usage_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.get_metric_display()}: {self.used}"
