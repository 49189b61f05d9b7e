"""Who agreed to what: each request for approval is bound to a hash of content, audience and sender."""

from django.conf import settings
from django.db import models

from core.campaigns.states import ApprovalStage, ApprovalState
from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, UUIDModel


class Approval(UUIDModel, OrganizationOwned):
    """One request to one stage of the chain, and its answer. Kept for ever; a new request is another row.

    `content_hash` is the campaign's at the moment of asking (`approvals.hashing`): an approval counts only as long as
    the campaign still has it. `parts` are the hashes of its parts, so that `changed` can name what an edit touched.
    `revision` is 0 for the campaign before it starts, else that of the correction which it is about.
    The client answers by a signed link with the request's id in it, until `expires_at`; the mail with the link is due
    at `mail_due_at` (None: nothing is to be mailed), and `mail_problem` holds the provider's words.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="approvals", db_constraint=False, db_index=False
    )
    stage = models.CharField(max_length=8, choices=ApprovalStage)
    state = models.CharField(max_length=9, choices=ApprovalState, default=ApprovalState.OPEN)
    revision = models.PositiveSmallIntegerField(default=0)
    content_hash = models.CharField(max_length=64)
    parts = models.JSONField(default=dict)
    changed = models.JSONField(default=list, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField("asked", auto_now_add=True)
    note = models.CharField(max_length=500, blank=True)
    approver_name = models.CharField(max_length=100, blank=True)
    approver_email = models.EmailField(blank=True)
    language = models.CharField(max_length=2, default="en")
    link_days = models.PositiveSmallIntegerField("days the link works", default=14)
    expires_at = models.DateTimeField("link works until", null=True)
    mail_due_at = models.DateTimeField("mail due", null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_problem = models.CharField(max_length=300, blank=True)
    mailed_at = models.DateTimeField("mailed", null=True)
    reminded_at = models.DateTimeField("reminded", null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_by_name = models.CharField(max_length=100, blank=True)
    decided_at = models.DateTimeField("decided", null=True)
    decided_from = models.GenericIPAddressField(null=True)
    answer = models.TextField(max_length=2_000, blank=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("campaigns_approval"),
            SameOrganization(field="campaign", name="campaigns_approval_campaign_same_org"),
            models.UniqueConstraint(
                fields=["campaign", "stage"],
                condition=models.Q(state="open"),
                name="campaigns_approval_one_open",
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "-id"], name="campaigns_approval_newest"),
            models.Index(
                fields=["organization", "-id"], condition=models.Q(state="open"), name="campaigns_approval_waiting"
            ),
            models.Index(
                fields=["mail_due_at"],
                condition=models.Q(mail_due_at__isnull=False),
                name="campaigns_approval_mail_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_stage_display()} of {self.campaign}"


class ApprovalComment(UUIDModel, OrganizationOwned):
    """A remark, pinned to a spot of the mail when `x` and `y` are there (per mille of its width and height).

    `variant` says on which of an A/B test's mails, 0 without a test.
    """

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="comments", db_constraint=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=100)
    text = models.TextField(max_length=2_000)
    variant = models.PositiveSmallIntegerField(default=0)
    view = models.CharField(max_length=7, blank=True, help_text="On which preview: desktop or phone.")
    x = models.PositiveSmallIntegerField(null=True)
    y = models.PositiveSmallIntegerField(null=True)
    written_at = models.DateTimeField("written", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "comment"
        ordering = ["id"]
        constraints = [
            tenant_key("campaigns_approval_comment"),
            SameOrganization(field="approval", name="campaigns_comment_approval_same_org"),
        ]

    def __str__(self) -> str:
        return self.text[:60]
