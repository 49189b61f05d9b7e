"""A mailing of one client: what is sent, to whom, from whom and when."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from core.campaigns.states import CampaignStatus, PauseReason, ScheduleZone
from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_one_line


class Campaign(UUIDModel, TimeStamped, OrganizationOwned):
    """Edited as a draft; content, sender and audience freeze when it leaves `scheduled`.

    `status` changes only through `services`, by compare-and-set on (status, version).
    """

    name = models.CharField(max_length=120, validators=[validate_one_line])
    template = models.ForeignKey(
        "email_templates.EmailTemplate", on_delete=models.PROTECT, related_name="campaigns", db_constraint=False
    )
    subject = models.CharField(
        max_length=200, blank=True, help_text="Empty: the template's subject.", validators=[validate_one_line]
    )
    preheader = models.CharField(
        max_length=200, blank=True, help_text="Empty: the template's preheader.", validators=[validate_one_line]
    )
    from_name = models.CharField("sender name", max_length=100, validators=[validate_one_line])
    from_email = models.EmailField("sender address")
    reply_to = models.EmailField("reply to", blank=True)
    utm_campaign = models.CharField(
        "UTM campaign",
        max_length=100,
        blank=True,
        validators=[validate_one_line],
        help_text="Empty: as the client's settings say.",
    )
    schedule_zone = models.CharField(
        "time of whose zone", max_length=10, choices=ScheduleZone, default=ScheduleZone.CLIENT, editable=False
    )
    scheduled_local = models.CharField(
        "planned wall-clock time",
        max_length=16,
        blank=True,
        editable=False,
        help_text="As 2026-11-25T09:00, in the zone that `schedule_zone` means. Empty: not planned ahead.",
    )
    window_from = models.TimeField("send from", null=True, blank=True)
    window_until = models.TimeField("until", null=True, blank=True)
    window_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        verbose_name="on",
        help_text="Days of the week, Monday is 0. Empty: every day.",
    )
    throttle_per_hour = models.PositiveIntegerField(
        "mails an hour at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    content_revision = models.PositiveSmallIntegerField(default=1, editable=False)
    status = models.CharField(max_length=14, choices=CampaignStatus, default=CampaignStatus.DRAFT, editable=False)
    pause_reason = models.CharField(max_length=12, choices=PauseReason, blank=True, editable=False)
    problem = models.CharField(max_length=500, blank=True, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)
    emails_reserved = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counted against the plan when the send was confirmed."
    )
    reserved_month = models.DateField(null=True, editable=False)
    scheduled_at = models.DateTimeField("scheduled for", null=True, editable=False)
    started_at = models.DateTimeField("started", null=True, editable=False)
    finished_at = models.DateTimeField("finished", null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("campaigns_campaign"),
            SameOrganization(field="template", name="campaigns_campaign_template_same_org"),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="campaigns_campaign_newest"),
            models.Index(fields=["status", "scheduled_at"], name="campaigns_campaign_due"),
            models.Index(
                fields=["organization", "-started_at", "-id"],
                condition=models.Q(started_at__isnull=False),
                name="campaigns_campaign_started",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignSegment(UUIDModel, OrganizationOwned):
    """A segment that a campaign is sent to, or that is left out of it."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="campaign_segments", db_constraint=False, db_index=False
    )
    segment = models.ForeignKey(
        "contacts.Segment", on_delete=models.PROTECT, related_name="campaign_segments", db_constraint=False
    )
    is_excluded = models.BooleanField("left out", default=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "segment of a campaign"
        constraints = [
            SameOrganization(field="campaign", name="campaigns_segment_campaign_same_org"),
            SameOrganization(field="segment", name="campaigns_segment_segment_same_org"),
            models.UniqueConstraint(fields=["campaign", "segment"], name="campaigns_segment_once"),
        ]

    def __str__(self) -> str:
        return str(self.segment)


class CampaignGroup(UUIDModel, OrganizationOwned):
    """A group that a campaign is sent to, or that is left out of it."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="campaign_groups", db_constraint=False, db_index=False
    )
    group = models.ForeignKey(
        "contacts.ContactGroup", on_delete=models.PROTECT, related_name="campaign_groups", db_constraint=False
    )
    is_excluded = models.BooleanField("left out", default=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "group of a campaign"
        constraints = [
            SameOrganization(field="campaign", name="campaigns_group_campaign_same_org"),
            SameOrganization(field="group", name="campaigns_group_group_same_org"),
            models.UniqueConstraint(fields=["campaign", "group"], name="campaigns_group_once"),
        ]

    def __str__(self) -> str:
        return str(self.group)
