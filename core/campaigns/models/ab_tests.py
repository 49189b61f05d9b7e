"""An A/B test: variants of one campaign, and what was decided from their results."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from core.campaigns.states import ABMetric
from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_one_line

MOST_VARIANTS = 5


class ABTest(UUIDModel, TimeStamped, OrganizationOwned):
    """How a campaign tries its variants on a sample before the rest gets the winner.

    `decision` keeps what the decision was made from: the figures of each variant and the rule, as they were.
    """

    campaign = models.OneToOneField(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="ab_test", db_constraint=False
    )
    metric = models.CharField("decided by", max_length=6, choices=ABMetric, default=ABMetric.CLICKS)
    sample_percent = models.PositiveSmallIntegerField(
        "sample, % of the audience", default=20, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    wait_minutes = models.PositiveIntegerField(
        "minutes to wait", default=240, validators=[MinValueValidator(5), MaxValueValidator(14 * 24 * 60)]
    )
    is_held = models.BooleanField(
        "waits for a person",
        default=False,
        db_default=False,
        help_text="The winner is not sent without being asked for.",
    )
    winner = models.PositiveSmallIntegerField(null=True, editable=False)
    decided_at = models.DateTimeField("decided", null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    decision = models.JSONField(default=dict, editable=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "A/B test"
        constraints = [
            tenant_key("campaigns_abtest"),
            SameOrganization(field="campaign", name="campaigns_abtest_campaign_same_org"),
        ]

    def __str__(self) -> str:
        return f"A/B test of {self.campaign}"


class CampaignVariant(UUIDModel, OrganizationOwned):
    """One of the things that are tried. What is empty is as in the campaign."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="variants", db_constraint=False, db_index=False
    )
    number = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MOST_VARIANTS)])
    subject = models.CharField(max_length=200, blank=True, validators=[validate_one_line])
    preheader = models.CharField(max_length=200, blank=True, validators=[validate_one_line])
    from_name = models.CharField("sender name", max_length=100, blank=True, validators=[validate_one_line])
    from_email = models.EmailField("sender address", blank=True)
    template = models.ForeignKey(
        "email_templates.EmailTemplate",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="variants",
        db_constraint=False,
    )

    class Meta(OrganizationOwned.Meta):
        verbose_name = "variant"
        ordering = ["number"]
        constraints = [
            tenant_key("campaigns_variant"),
            SameOrganization(field="campaign", name="campaigns_variant_campaign_same_org"),
            SameOrganization(field="template", name="campaigns_variant_template_same_org"),
            models.UniqueConstraint(fields=["campaign", "number"], name="campaigns_variant_once"),
        ]

    def __str__(self) -> str:
        return f"Variant {'ABCDE'[self.number - 1]}"
