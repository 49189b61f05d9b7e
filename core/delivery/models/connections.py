"""Ways out: where a client's mail is handed over, and what the sandbox kept."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.encryption import EncryptedTextField
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.delivery.models.agency import AgencyAccount
from core.delivery.models.kinds import AnymailProvider, ConnectionKind, SmtpSecurity
from core.domains.warmup import WarmUp

__all__ = ["Connection", "ConnectionKind", "SandboxMail", "SmtpSecurity"]


class Connection(WarmUp, UUIDModel, TimeStamped, OrganizationOwned):
    """A sending connection of one client. The default one carries its campaigns.

    With an agency `account`, kind, server and secrets are the account's. Days of `mails_per_day` and of the warm-up
    are those of the client's time zone.
    """

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=ConnectionKind, default=ConnectionKind.SANDBOX)
    account = models.ForeignKey(
        AgencyAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="connections",
        verbose_name="agency's account",
    )
    provider = models.CharField(max_length=12, choices=AnymailProvider, blank=True)
    is_default = models.BooleanField("used for campaigns", default=False)
    host = models.CharField(
        "server", max_length=253, blank=True, help_text="Of SendGrid: leave it empty, or api.eu.sendgrid.com in the EU."
    )
    port = models.PositiveIntegerField(default=587, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    security = models.CharField(max_length=8, choices=SmtpSecurity, default=SmtpSecurity.STARTTLS)
    username = models.CharField("user name", max_length=254, blank=True)
    password = EncryptedTextField("password or API key", blank=True)
    secret = EncryptedTextField("second secret", blank=True)
    on_behalf_of = models.CharField("subuser", max_length=64, blank=True)
    batch_size = models.PositiveSmallIntegerField(
        "mails per batch", default=100, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    mails_per_second = models.PositiveIntegerField(
        "mails a second at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    mails_per_hour = models.PositiveIntegerField(
        "mails an hour at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    mails_per_day = models.PositiveIntegerField(
        "mails a day at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    paused_at = models.DateTimeField("paused since", null=True, blank=True, editable=False)
    problem = models.CharField(max_length=500, blank=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name"]
        constraints = [
            tenant_key("delivery_connection"),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True),
                name="delivery_connection_one_default",
                violation_error_message="Another connection carries the campaigns already.",
            ),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="delivery_connection_name_once",
                violation_error_message="A connection with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SandboxMail(UUIDModel, OrganizationOwned):
    """A mail as it would have arrived, kept instead of sent. `raw` is the whole message (RFC 5322)."""

    message = models.OneToOneField(
        "delivery.Message", on_delete=models.CASCADE, null=True, related_name="sandbox_mail", db_constraint=False
    )
    rehearsal = models.ForeignKey(
        "delivery.Rehearsal", on_delete=models.CASCADE, null=True, related_name="samples", db_constraint=False
    )
    recipient = models.CharField("to", max_length=320)
    sender = models.CharField("from", max_length=320)
    subject = models.CharField(max_length=998)
    raw = models.BinaryField()
    received_at = models.DateTimeField("received", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "sandbox mail"
        verbose_name_plural = "sandbox inbox"
        ordering = ["-id"]
        constraints = [
            tenant_key("delivery_sandbox_mail"),
            SameOrganization(field="message", name="delivery_sandbox_message_same_org"),
            SameOrganization(field="rehearsal", name="delivery_sandbox_rehearsal_same_org"),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="delivery_sandbox_newest")]

    def __str__(self) -> str:
        return self.subject
