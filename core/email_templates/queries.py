"""Reads of templates and starters."""

from dataclasses import dataclass

from core.accounts.models import Organization
from core.email_templates.models import EmailTemplate, StarterTemplate, TemplateContent
from core.email_templates.preview import SAMPLE_VALUES, MailSource

_NAMED_CAMPAIGNS = 5


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """The campaigns that hold on to a template: how many, and the names of the newest few."""

    count: int
    names: tuple[str, ...]


def template_use(template: EmailTemplate) -> TemplateUse:
    """Which campaigns use this template. Two queries at most."""
    campaigns = template.campaigns.order_by("-id")
    names = tuple(campaigns.values_list("name", flat=True)[: _NAMED_CAMPAIGNS + 1])
    count = len(names) if len(names) <= _NAMED_CAMPAIGNS else campaigns.count()
    return TemplateUse(count, names[:_NAMED_CAMPAIGNS])


def starters() -> list[StarterTemplate]:
    """The agency's designs, in the order of their names."""
    return list(StarterTemplate.objects.order_by("name"))


def source_of(content: TemplateContent) -> MailSource:
    return MailSource(content.subject, content.preheader, content.html, content.text)


def sample_values(organization: Organization | None) -> dict[str, str]:
    """Values of a made-up person of this client, for previews."""
    return {
        **SAMPLE_VALUES,
        "organization.name": organization.name if organization else "Your client",
        "organization.postal_address": organization.postal_address if organization else "1 Example Street, Exampletown",
        "campaign.name": "Example campaign",
    }
