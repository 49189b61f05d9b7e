"""What a campaign sent, frozen: it can be shown as it was years later."""

from django.conf import settings
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, UUIDModel


class CampaignSnapshot(UUIDModel, OrganizationOwned):
    """Content, sender and audience at the moment the campaign started. Never changed afterwards.

    A corrected version is another row with a higher `revision`; each variant of an A/B test is a row of its own.
    `variant` is 0 in a campaign without a test. The highest revision of a variant that is not above the campaign's
    `content_revision` is what goes out now; one above it is a correction that waits for a second person.
    `activated_at` (the database's clock) parts the attempts made with a correction from those made before it.

    `html` is ready to send: CSS inline, links replaced by their numbered slots, pixel and preheader in place.
    `merge_keys` are the contact values this content needs; `content_hash` covers everything but the times and
    `link_base`: what its links begin with, such as "https://link.shop.example" ("": PUBLIC_URL).
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="snapshots", db_constraint=False, db_index=False
    )
    variant = models.PositiveSmallIntegerField(default=0)
    revision = models.PositiveSmallIntegerField(default=1)
    subject = models.CharField(max_length=200)
    preheader = models.CharField(max_length=200, blank=True)
    html = models.TextField()
    text = models.TextField()
    from_name = models.CharField(max_length=100)
    from_email = models.EmailField()
    reply_to = models.EmailField(blank=True)
    organization_values = models.JSONField(help_text="The client's values for merge tags, as they were.")
    merge_keys = models.JSONField()
    audience = models.JSONField(help_text="Groups and segments included and left out, as they were.")
    content_hash = models.CharField(max_length=64)
    link_base = models.CharField(max_length=262, default="", blank=True)
    created_at = models.DateTimeField("frozen", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    note = models.CharField(max_length=200, blank=True, help_text="What was put right.")
    waiting_links = models.JSONField(
        default=list, blank=True, help_text="Targets of its links, until it is released; numbered behind all others."
    )
    activated_at = models.DateTimeField("goes out since", null=True)

    class Meta(OrganizationOwned.Meta):
        constraints = [
            tenant_key("campaigns_snapshot"),
            SameOrganization(field="campaign", name="campaigns_snapshot_campaign_same_org"),
            models.UniqueConstraint(fields=["campaign", "variant", "revision"], name="campaigns_snapshot_once"),
        ]

    def __str__(self) -> str:
        return f"Snapshot of {self.campaign}"


class CampaignLink(UUIDModel, OrganizationOwned):
    """A link of a frozen campaign. A click goes here and nowhere else."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="links", db_constraint=False, db_index=False
    )
    number = models.PositiveSmallIntegerField()
    url = models.TextField("URL")

    class Meta(OrganizationOwned.Meta):
        verbose_name = "link"
        ordering = ["number"]
        constraints = [
            tenant_key("campaigns_link"),
            SameOrganization(field="campaign", name="campaigns_link_campaign_same_org"),
            models.UniqueConstraint(fields=["campaign", "number"], name="campaigns_link_once"),
        ]

    def __str__(self) -> str:
        return self.url
