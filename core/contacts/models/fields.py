"""What a client keeps of its contacts beyond the common fields."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

from core.common.models import OrganizationOwned, TimeStamped, UUIDModel
from core.contacts.choices import FieldKind

validate_field_key = RegexValidator(
    r"\A[a-z][a-z0-9_]{0,39}\Z", "Use small letters, digits and underscores, beginning with a letter."
)


class ContactField(UUIDModel, TimeStamped, OrganizationOwned):
    """A custom field: its values lie in Contact.attributes under `key`, typed by `kind`."""

    key = models.CharField(max_length=40, validators=[validate_field_key])
    label = models.CharField(max_length=80)
    kind = models.CharField("type", max_length=8, choices=FieldKind, default=FieldKind.TEXT)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "custom field"
        ordering = ["position", "label"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                name="contacts_field_once",
                violation_error_message="A custom field with this name exists already.",
            )
        ]

    def __str__(self) -> str:
        return self.label


class ContactTag(UUIDModel, OrganizationOwned):
    """A tag that a client uses; the contacts carry its name."""

    name = models.CharField(max_length=60)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "tag"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="contacts_tag_once",
                violation_error_message="This tag exists already.",
            )
        ]

    def __str__(self) -> str:
        return self.name
