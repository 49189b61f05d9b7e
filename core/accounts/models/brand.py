"""What makes a client's mails look like the client: the fields of its brand kit, and its logos."""

from django.core.validators import RegexValidator, URLValidator
from django.db import models

from core.accounts.choices import MailFont
from core.common.constraints import tenant_key
from core.common.models import OrganizationOwned, UUIDModel

validate_hex_color = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Write the colour as # and six hexadecimal digits.")
validate_web_address = URLValidator(schemes=["http", "https"], message="Write a whole web address: https://…")


def _web_address(label: str, help_text: str = "") -> models.CharField:
    return models.CharField(label, max_length=300, blank=True, validators=[validate_web_address], help_text=help_text)


class BrandKit(models.Model):
    """Colours, font, logo and addresses; templates use them as `{{ brand.… }}`."""

    button_color = models.CharField(
        "button colour", max_length=7, blank=True, validators=[validate_hex_color], help_text="Empty: the colour above."
    )
    text_color = models.CharField("text colour", max_length=7, default="#1f2937", validators=[validate_hex_color])
    background_color = models.CharField(
        "background", max_length=7, default="#f3f4f6", validators=[validate_hex_color], help_text="Around the mail."
    )
    mail_font = models.CharField("font", max_length=10, choices=MailFont, default=MailFont.SANS)
    website = _web_address("website")
    facebook_url = _web_address("Facebook")
    instagram_url = _web_address("Instagram")
    linkedin_url = _web_address("LinkedIn")
    youtube_url = _web_address("YouTube")
    x_url = _web_address("X")
    logo_name = models.CharField("logo", max_length=40, blank=True, editable=False)

    class Meta:
        abstract = True


class OrganizationLogo(UUIDModel, OrganizationOwned):
    """A picture that mails show. Kept for good under a name made of its content: mails that are out point at it."""

    name = models.CharField(max_length=40)
    content_type = models.CharField(max_length=20)
    content = models.BinaryField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField("uploaded", auto_now_add=True)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "logo"
        constraints = [
            tenant_key("accounts_logo"),
            models.UniqueConstraint(fields=["organization", "name"], name="accounts_logo_once"),
        ]

    def __str__(self) -> str:
        return self.name
