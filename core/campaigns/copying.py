"""A campaign goes to other clients: its template in their brand, their sender, nobody in it yet."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.preflight import Level, Problem, known_problems
from core.common.request_context import current_context
from core.common.tenancy import organization_scope
from core.email_templates.rebranding import rebranded
from core.email_templates.services import CopiedTemplate, templates_copy_to

_KEPT = ("window_from", "window_until", "window_days", "throttle_per_hour")


@dataclass(frozen=True, slots=True)
class CopiedCampaign:
    """What came of a campaign in one client: the draft, its template, and what still has to be done there."""

    client_id: UUID
    client: str
    campaign_id: UUID
    name: str
    template_id: UUID
    template: str
    replaced: tuple[str, ...]
    left: tuple[str, ...]
    to_do: tuple[str, ...]


@transaction.atomic
def campaign_copy_to(*, campaign_id: UUID, clients: list[Organization]) -> list[CopiedCampaign]:
    """A draft of the campaign in each of the clients, all or none. Groups and segments are not copied.

    Call in the scope of the campaign's client and of all the others; the caller has checked that the person may manage
    campaigns and templates in them. Raises what `templates_copy_to` raises.
    """
    original = Campaign.objects.select_related("template", "organization").get(pk=campaign_id)
    templates = templates_copy_to(templates=[original.template], clients=clients)
    by_client = {copy.client_id: copy for copy in templates}
    return [_copy(original, client, by_client[client.pk]) for client in clients]


def _copy(original: Campaign, client: Organization, template: CopiedTemplate) -> CopiedCampaign:
    lines = {"subject": original.subject, "preheader": original.preheader}
    result = rebranded(lines, source=original.organization, target=client)
    with organization_scope(client):
        draft = Campaign.objects.create(
            organization=client,
            name=original.name,
            template_id=template.template_id,
            subject=result.sources["subject"][:200],
            preheader=result.sources["preheader"][:200],
            from_name=client.default_from_name or client.name,
            from_email=client.default_from_email,
            created_by_id=current_context().actor_id,
            **{name: getattr(original, name) for name in _KEPT},
        )
        audit.record(action="campaign.added", obj=draft, changes={"copy of": [None, "a campaign of another client"]})
        problems = known_problems(draft, None)
    return CopiedCampaign(
        client_id=client.pk,
        client=str(client),
        campaign_id=draft.pk,
        name=draft.name,
        template_id=template.template_id,
        template=template.name,
        replaced=tuple(dict.fromkeys((*template.replaced, *result.replaced))),
        left=tuple(dict.fromkeys((*template.left, *result.left))),
        to_do=tuple(_words(problem) for problem in problems if problem.level == Level.STOP),
    )


def _words(problem: Problem) -> str:
    if problem.code == "no_group":
        return "Choose groups or segments: those of the first client were not copied."
    return problem.message
