"""Test sends: a template or a campaign as somebody of the team gets it, before anybody else does."""

from django.conf import settings
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, UUIDModel


class MailTestState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Handed over"
    FAILED = "failed", "Not sent"
    UNKNOWN = "unknown", "Nobody knows"


class MailTest(UUIDModel, OrganizationOwned):
    """One test mail to one verified address. `run` joins those that were asked for together.

    `contact` is the id of whom the mail is shown for; without one it is a made-up person.
    """

    run = models.UUIDField()
    template = models.ForeignKey(
        "email_templates.EmailTemplate", on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False
    )
    contact = models.UUIDField(null=True)
    address = models.CharField("to", max_length=320)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    subject = models.CharField(max_length=998, blank=True)
    state = models.CharField(max_length=8, choices=MailTestState, default=MailTestState.WAITING)
    words = models.CharField("answer", max_length=500, blank=True)
    created_at = models.DateTimeField("asked", auto_now_add=True)
    done_at = models.DateTimeField("answered", null=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "test mail"
        ordering = ["-id"]
        constraints = [
            tenant_key("delivery_mailtest"),
            SameOrganization(field="template", name="delivery_mailtest_template_same_org"),
            SameOrganization(field="campaign", name="delivery_mailtest_campaign_same_org"),
        ]
        indexes = [
            models.Index(fields=["organization", "run"], name="delivery_mailtest_run"),
            models.Index(fields=["asked_by", "-created_at"], name="delivery_mailtest_asked"),
        ]

    def __str__(self) -> str:
        return f"Test mail to {self.address}"
