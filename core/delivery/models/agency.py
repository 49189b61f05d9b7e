"""Accounts of the agency with a provider, lent to its clients' connections."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from core.common.encryption import EncryptedTextField
from core.common.models import TimeStamped, UUIDModel
from core.delivery.models.kinds import AnymailProvider, ConnectionKind, SmtpSecurity


class AgencyAccount(UUIDModel, TimeStamped):
    """One key for many clients: kept and exchanged in one place, never shown, seen by superusers only.

    Its limits are shared by all connections that use it.
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=ConnectionKind, default=ConnectionKind.SENDGRID)
    provider = models.CharField(max_length=12, choices=AnymailProvider, blank=True)
    host = models.CharField("server", max_length=253, blank=True)
    port = models.PositiveIntegerField(default=587, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    security = models.CharField(max_length=8, choices=SmtpSecurity, default=SmtpSecurity.STARTTLS)
    username = models.CharField("user name", max_length=254, blank=True)
    password = EncryptedTextField("password or API key", blank=True)
    secret = EncryptedTextField("second secret", blank=True)
    mails_per_second = models.PositiveIntegerField(
        "mails a second at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    mails_per_hour = models.PositiveIntegerField(
        "mails an hour at most", null=True, blank=True, validators=[MinValueValidator(1)]
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "agency account"

    def __str__(self) -> str:
        return self.name
