"""What a way out of the house can be."""

from django.db import models


class ConnectionKind(models.TextChoices):
    SANDBOX = "sandbox", "Sandbox (keeps mails here, delivers nothing)"
    SMTP = "smtp", "SMTP server"
    SENDGRID = "sendgrid", "SendGrid (Web API)"
    ANYMAIL = "anymail", "Another provider (its web API)"


class SmtpSecurity(models.TextChoices):
    NONE = "none", "None (only inside your own network)"
    STARTTLS = "starttls", "STARTTLS"
    TLS = "tls", "TLS from the start"


class AnymailProvider(models.TextChoices):
    """Those of Anymail's that need nothing but a key over HTTP."""

    BREVO = "brevo", "Brevo"
    MAILERSEND = "mailersend", "MailerSend"
    MAILGUN = "mailgun", "Mailgun"
    MAILJET = "mailjet", "Mailjet"
    POSTMARK = "postmark", "Postmark"
    RESEND = "resend", "Resend"
    SPARKPOST = "sparkpost", "SparkPost"
