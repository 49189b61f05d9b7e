"""What is counted against a plan, and the states of a subscription."""

from django.db import models


class Metric(models.TextChoices):
    """A limit of a plan. The value is also the name of the plan's column `max_<value>`."""

    CONTACTS = "contacts", "contacts"
    EMAILS = "emails", "emails per month"
    CAMPAIGNS = "campaigns", "campaigns per month"
    MEMBERS = "members", "members"


MONTHLY = frozenset({Metric.EMAILS, Metric.CAMPAIGNS})
"""Counted anew in each month (UTC); the others are levels that rise and fall."""


class SubscriptionStatus(models.TextChoices):
    TRIALING = "trialing", "Trial"
    ACTIVE = "active", "Active"
    PAST_DUE = "past_due", "Payment overdue"
    SUSPENDED = "suspended", "Suspended"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


SUBSCRIPTION_STATUS_COLORS = {
    SubscriptionStatus.TRIALING: "info",
    SubscriptionStatus.ACTIVE: "success",
    SubscriptionStatus.PAST_DUE: "warning",
    SubscriptionStatus.SUSPENDED: "danger",
    SubscriptionStatus.CANCELLED: "danger",
    SubscriptionStatus.EXPIRED: "danger",
}

USABLE = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
"""States in which work may start."""


class BillingFrequency(models.TextChoices):
    MONTHLY = "monthly", "Monthly"
    YEARLY = "yearly", "Yearly"
