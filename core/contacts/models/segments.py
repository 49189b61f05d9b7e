"""Lists by rule: whoever fits it when it is asked."""

from django.db import models

from core.common.constraints import tenant_key
from core.common.models import OrganizationOwned, TimeStamped, UUIDModel


class Segment(UUIDModel, TimeStamped, OrganizationOwned):
    """A saved rule over fields, attributes, tags, groups, consent, engagement and behaviour (segments/rules.py)."""

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    rule = models.JSONField(default=dict)
    counted = models.PositiveIntegerField("people", null=True, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrganizationOwned.Meta):
        ordering = ["name"]
        constraints = [
            tenant_key("contacts_segment"),
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="contacts_segment_name_once",
                violation_error_message="A segment with this name exists already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
