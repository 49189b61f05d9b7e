"""What mails look like: a client's templates, and the agency's starters they can begin from."""

from django.db import models

from core.common.constraints import tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_one_line


class TemplateCategory(models.TextChoices):
    NEWSLETTER = "newsletter", "Newsletter"
    PROMOTION = "promotion", "Promotion"
    WELCOME = "welcome", "Welcome"
    OTHER = "other", "Other"


class TemplateContent(models.Model):
    """Source as the author wrote it. Merge tags are a closed language, see `merge_tags`."""

    category = models.CharField(max_length=12, choices=TemplateCategory, default=TemplateCategory.OTHER)
    subject = models.CharField(max_length=200, validators=[validate_one_line])
    preheader = models.CharField(
        max_length=200,
        blank=True,
        help_text="The line after the subject in the inbox. It is hidden in the mail.",
        validators=[validate_one_line],
    )
    html = models.TextField("HTML")
    text = models.TextField("plain text", blank=True, help_text="Empty: made from the HTML.")

    class Meta:
        abstract = True


class EmailTemplate(UUIDModel, TimeStamped, TemplateContent, OrganizationOwned):
    """A mail of one client, to be used by campaigns."""

    name = models.CharField(max_length=120)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "template"
        ordering = ["name"]
        constraints = [
            tenant_key("email_templates_template"),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="email_templates_name_once",
                violation_error_message="A template with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StarterTemplate(UUIDModel, TimeStamped, TemplateContent):
    """A design of the agency that every client can begin from. Belongs to no client and names none."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(unique=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
