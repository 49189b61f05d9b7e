"""What mails look like: a client's templates, and the agency's starters they can begin from."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.common.validators import validate_one_line

validate_block_key = RegexValidator(
    r"^[a-z][a-z0-9_]*\Z", "Begin with a small letter; then small letters, digits and _."
)


class TemplateCategory(models.TextChoices):
    NEWSLETTER = "newsletter", "Newsletter"
    DIGEST = "digest", "Digest"
    PROMOTION = "promotion", "Promotion"
    PRODUCT = "product", "Product launch"
    EVENT = "event", "Event"
    WELCOME = "welcome", "Welcome"
    REENGAGEMENT = "reengagement", "Win back"
    SURVEY = "survey", "Survey"
    NOTICE = "notice", "Notice or receipt"
    LETTER = "letter", "Plain letter"
    OTHER = "other", "Other"


class Markup(models.TextChoices):
    """The language that `html` of a template is written in."""

    HTML = "html", "HTML"
    MJML = "mjml", "MJML"


class BlockCategory(models.TextChoices):
    HEADER = "header", "Header"
    FOOTER = "footer", "Footer"
    CONTENT = "content", "Content"
    OFFER = "offer", "Offer"
    OTHER = "other", "Other"


class TemplateContent(models.Model):
    """Source as the author wrote it. Merge tags are a closed language, see `merge_tags`.

    `html` holds HTML or MJML, as `markup` says; whoever shows or sends it asks `queries.source_of`.
    """

    category = models.CharField(max_length=12, choices=TemplateCategory, default=TemplateCategory.OTHER)
    subject = models.CharField(max_length=200, validators=[validate_one_line])
    preheader = models.CharField(
        max_length=200,
        blank=True,
        help_text="The line after the subject in the inbox. It is hidden in the mail.",
        validators=[validate_one_line],
    )
    markup = models.CharField("written in", max_length=4, choices=Markup, default=Markup.HTML)
    html = models.TextField("HTML or MJML")
    text = models.TextField("plain text", blank=True, help_text="Empty: made from the HTML.")

    class Meta:
        abstract = True


class EmailTemplate(UUIDModel, TimeStamped, TemplateContent, OrganizationOwned):
    """A mail of one client, to be used by campaigns. Saved by `services`, which keep every version."""

    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=0, editable=False)

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


class KeptVersion(models.Model):
    """What something said after one save. Never changed afterwards."""

    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField("saved", auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"Version {self.number}"


class EmailTemplateVersion(UUIDModel, TemplateContent, KeptVersion, OrganizationOwned):
    """What a template said after one save."""

    template = models.ForeignKey(
        EmailTemplate, on_delete=models.CASCADE, related_name="versions", db_constraint=False, db_index=False
    )

    class Meta(OrganizationOwned.Meta):
        verbose_name = "version of a template"
        verbose_name_plural = "versions of templates"
        ordering = ["-number"]
        constraints = [
            tenant_key("email_templates_version"),
            SameOrganization(field="template", name="email_templates_version_template_same_org"),
            models.UniqueConstraint(fields=["template", "number"], name="email_templates_version_once"),
        ]


class TemplateBlock(UUIDModel, TimeStamped, OrganizationOwned):
    """A piece of HTML that several templates of a client share, as `{{ block.key }}`."""

    name = models.CharField(max_length=120)
    key = models.CharField(
        "name in templates",
        max_length=40,
        help_text="Written in templates as {{ block.name }}: small letters, digits and _, such as footer.",
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*\Z", "Begin with a small letter; then small letters, digits and _.")
        ],
    )
    category = models.CharField(max_length=12, choices=BlockCategory, default=BlockCategory.CONTENT)
    html = models.TextField("HTML")
    version = models.PositiveIntegerField(default=0, editable=False)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "block"
        ordering = ["name"]
        constraints = [
            tenant_key("email_templates_block"),
            models.UniqueConstraint(
                fields=["organization", "key"],
                name="email_templates_block_key_once",
                violation_error_message="A block is called this in templates already.",
            ),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="email_templates_block_name_once",
                violation_error_message="A block with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateBlockVersion(UUIDModel, KeptVersion, OrganizationOwned):
    """What a block said after one save."""

    block = models.ForeignKey(
        TemplateBlock, on_delete=models.CASCADE, related_name="versions", db_constraint=False, db_index=False
    )
    key = models.CharField("name in templates", max_length=40)
    category = models.CharField(max_length=12, choices=BlockCategory, default=BlockCategory.CONTENT)
    html = models.TextField("HTML")

    class Meta(OrganizationOwned.Meta):
        verbose_name = "version of a block"
        verbose_name_plural = "versions of blocks"
        ordering = ["-number"]
        constraints = [
            tenant_key("email_templates_block_version"),
            SameOrganization(field="block", name="email_templates_block_version_block_same_org"),
            models.UniqueConstraint(fields=["block", "number"], name="email_templates_block_version_once"),
        ]


class StarterTemplate(UUIDModel, TimeStamped, TemplateContent):
    """A design of the agency that every client can begin from. Belongs to no client and names none."""

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(unique=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
