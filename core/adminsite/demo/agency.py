"""Builds the demo agency, step by step; a step that is there already is left alone, so a killed run goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, OrganizationMembership, User
from core.adminsite.demo.approvals import approval_story
from core.adminsite.demo.audience import fill_audience, story_audience, those_who_had_come
from core.adminsite.demo.brands import brand_client, florist_block_and_template
from core.adminsite.demo.domains import story_domain
from core.adminsite.demo.history import Sender, new_campaign, send_past_campaign
from core.adminsite.demo.limits import story_limits
from core.adminsite.demo.planned import story_plans, story_settings
from core.adminsite.demo.returns import answers_story, refusals_story, reports_story
from core.adminsite.demo.stories import FLORIST, MUSEUM, SOFTWARE, STORIES, ClientStory
from core.adminsite.demo.versions import ab_stories, corrected_story
from core.adminsite.services import NewClient, client_add
from core.campaigns import services as campaigns
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Contact
from core.delivery.claim import claim_batch
from core.delivery.dispatch import dispatch
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.services import connection_make_default, connection_paused
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.services import template_from_starter
from core.subscriptions.models import Plan
from core.subscriptions.services import member_add
from core.tracking.audience.services import audiences_count

PASSWORD = "engagex-demo"  # the demo listens on this machine only, and its data are made up
BATCHES_BEFORE_PAUSE = 5
Announce = Callable[[str], None]
Step = Callable[[Organization, User], None]

_last_steps: list[Step] = []


def register_demo_step(step: Step) -> None:
    """Something a package above adds to the first client, in its scope, once everything else is there. It looks itself
    whether it was done already."""
    _last_steps.append(step)


@dataclass(frozen=True)
class Login:
    """A demo account; `roles` by slug of the client. Without any it is the superuser."""

    email: str
    full_name: str
    role: str
    what: str
    roles: dict[str, Role]


LOGINS = (
    Login("root@agency.example", "Robin Root", "Superuser", "clients, plans, users, jobs; every client", {}),
    Login(
        "manager@agency.example",
        "Marta Manager",
        "Campaign manager",
        "imports, templates and campaigns of all three clients",
        dict.fromkeys((FLORIST.slug, SOFTWARE.slug, MUSEUM.slug), Role.MANAGER),
    ),
    Login(
        "reports@agency.example",
        "Ravi Reports",
        "Account manager",
        "reads and exports for two clients",
        dict.fromkeys((FLORIST.slug, SOFTWARE.slug), Role.ACCOUNT_MANAGER),
    ),
    Login("viewer@agency.example", "Vera Viewer", "Viewer", "looks at one client", {FLORIST.slug: Role.VIEWER}),
)


def load_agency(announce: Announce) -> None:
    """Make what is missing of the demo agency, telling of each step that takes time."""
    users = {login.email: _user(login) for login in LOGINS}
    for story in STORIES:
        organization = _client(story)
        with organization_scope(organization):
            for login in LOGINS:
                if story.slug in login.roles:
                    _join(organization, users[login.email], login.roles[story.slug])
            brand_client(organization, story)
            if story is FLORIST:
                florist_block_and_template(organization, users["manager@agency.example"])
            _fill(organization, story, announce)
            _came_back(organization, story, users["manager@agency.example"])
            if story is MUSEUM:
                senders = Sender(organization, story_audience(organization, story, announce), _templates(organization))
                approval_story(senders, users["manager@agency.example"], users["root@agency.example"])
                story_limits(organization)
    with all_organizations(reason="the demo does the nightly job"):
        audiences_count()
        first = Organization.objects.get(slug=FLORIST.slug)
    with organization_scope(first):
        for step in _last_steps:
            step(first, users["manager@agency.example"])
    announce("Demo agency: there.")


def _user(login: Login) -> User:
    user = User.objects.filter(email=login.email).first()
    if user is None:
        make = User.objects.create_user if login.roles else User.objects.create_superuser
        user = make(login.email, PASSWORD, full_name=login.full_name, is_email_verified=True)
    return user


def _client(story: ClientStory) -> Organization:
    with all_organizations(reason="is the demo client there?"):
        organization = Organization.objects.filter(slug=story.slug).first()
    plan = Plan.objects.get(slug=story.plan)
    new = NewClient(name=story.name, slug=story.slug, plan=plan, time_zone=story.time_zone, color=story.color)
    organization = organization or client_add(client=new, by=None)
    with organization_scope(organization):
        Organization.objects.filter(pk=organization.pk).update(
            is_demo=True,
            postal_address=story.postal_address,
            default_from_name=story.name,
            default_from_email=f"hello@{story.slug}.example",
        )
        organization.refresh_from_db()
    return organization


def _join(organization: Organization, user: User, role: Role) -> None:
    if not OrganizationMembership.objects.filter(user=user).exists():
        member_add(organization_id=organization.pk, user=user, role=role, by=None)


def _fill(organization: Organization, story: ClientStory, announce: Announce) -> None:
    sender = Sender(organization, story_audience(organization, story, announce), _templates(organization))
    for past in story.campaigns:
        if send_past_campaign(sender, past):
            announce(f"Demo agency: {story.name} · {past.name}")
    those_who_had_come(organization, sender.group, timezone.now())
    fill_audience(organization, story)
    story_domain(organization, story)
    story_settings(organization, story)
    if story is FLORIST:
        _campaigns_in_other_states(sender)
        story_plans(sender)
        corrected_story(sender)
        ab_stories(sender)
    if story is SOFTWARE:
        _failing_connection(sender)
    if story is MUSEUM:
        _draft(sender, "Guided tours in December", "Four tours, twelve places each", "newsletter")


def _came_back(organization: Organization, story: ClientStory, user: User) -> None:
    if story is FLORIST:
        answers_story(organization)
    if story is SOFTWARE:
        refusals_story(organization, user)
        reports_story(organization)


def _templates(organization: Organization) -> dict[str, EmailTemplate]:
    """The client's copies of the starters, by the starter's slug."""
    copies = {}
    for starter in StarterTemplate.objects.filter(slug__in=["newsletter", "promotion", "welcome"]):
        mine = EmailTemplate.objects.filter(name=starter.name).first()
        copies[starter.slug] = mine or template_from_starter(organization_id=organization.pk, starter_id=starter.pk)
    return copies


def _draft(sender: Sender, name: str, subject: str, starter: str) -> Campaign | None:
    """A new draft, or None when the story has it already."""
    if Campaign.objects.filter(name=name).exists():
        return None
    return new_campaign(sender, name=name, subject=subject, starter=starter)


def _campaigns_in_other_states(sender: Sender) -> None:
    """A draft, one called off, and one paused with a part of it out."""
    _draft(sender, "Christmas orders", "Wreaths, trees and one surprise", "promotion")
    if called_off := _draft(sender, "Autumn sale", "Everything orange, 20 % off", "promotion"):
        campaigns.campaign_cancel(campaign_id=called_off.pk)
    if paused := _draft(sender, "Black Friday early access", "Doors open a day early for you", "promotion"):
        campaigns.campaign_send_now(campaign_id=paused.pk)
        materialise_campaign(campaign_id=paused.pk)
        with all_organizations(reason="the demo does the worker's job"):
            for _ in range(BATCHES_BEFORE_PAUSE):
                if claim := claim_batch(worker="demo"):
                    dispatch(claim)
        campaigns.campaign_pause(campaign_id=paused.pk)


def _failing_connection(sender: Sender) -> None:
    """The software firm's mail server refuses the password: a campaign stands still and says why."""
    campaign = _draft(sender, "Release 4.2", "Harbour 4.2: fewer clicks to every report", "newsletter")
    if campaign is None:
        return
    server = Connection.objects.create(
        organization=sender.organization,
        name="Own mail server (demo)",
        kind=ConnectionKind.SMTP,
        host=f"smtp.{sender.organization.slug}.example",
        username="newsletter",
    )
    connection_make_default(connection=server)
    campaigns.campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    connection_paused(connection=server, problem="535 5.7.8 Authentication credentials invalid (demo data)")


def contacts_in_demo() -> int:
    """How many contacts the demo clients have, for the report of the command."""
    with all_organizations(reason="the demo command tells what it made"):
        return Contact.objects.filter(organization__is_demo=True, created_at__lte=timezone.now()).count()
