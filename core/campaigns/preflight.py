"""What stands between a campaign and its sending, and what sending it would do, in numbers."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.accounts.choices import OrganizationStatus
from core.campaigns.models import Campaign
from core.campaigns.queries import campaign_audience, drafted_audience
from core.campaigns.snapshot import mail_source
from core.common.errors import DomainError
from core.contacts.audience import AudienceCounts
from core.domains.choices import DomainStatus
from core.domains.queries import domain_of
from core.email_templates.inspection import UNSUBSCRIBE_TAG, inspect_mail
from core.subscriptions import usage
from core.subscriptions.choices import Metric

_FIELD_NAMES = {"subject": "Subject", "preheader": "Preheader", "html": "HTML", "text": "Plain text"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A hard stop: what is wrong and what to do. `where` is "who", "what", "from", "client" or "plan"."""

    code: str
    message: str
    where: str


@dataclass(frozen=True, slots=True)
class PlanUse:
    """Mails of this month: `used` before, `after` with this campaign; `limit` None means unlimited."""

    used: int
    after: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class SendPreview:
    """What *Send now* would do at this moment. `plan_use` is None when the client has no plan it can use."""

    audience: AudienceCounts
    problems: tuple[Problem, ...]
    plan_use: PlanUse | None
    warnings: tuple[Problem, ...] = ()


def campaign_problems(campaign: Campaign, audience: AudienceCounts | None = None) -> list[Problem]:
    """Everything that keeps the campaign from being sent, all at once. The plan is checked when it is reserved."""
    return known_problems(campaign, audience or campaign_audience(campaign))


def known_problems(campaign: Campaign, audience: AudienceCounts | None) -> list[Problem]:
    """The same without what only counting tells, when the audience is not counted."""
    domain_problems = _domain_problems(campaign) if settings.DOMAINS_REQUIRED else []
    return [
        *_audience_problems(campaign, audience),
        *_content_problems(campaign),
        *_sender_problems(campaign),
        *domain_problems,
    ]


def send_preview(campaign: Campaign) -> SendPreview:
    """The numbers of the confirmation, with every problem, the plan's included."""
    audience = campaign_audience(campaign)
    problems = campaign_problems(campaign, audience)
    plan_use: PlanUse | None = None
    try:
        plan_use, plan_problems = _plan_use(campaign, audience.sendable)
        problems += plan_problems
    except DomainError as error:
        problems.append(Problem(error.code, str(error), "plan"))
    return SendPreview(audience, tuple(problems), plan_use, tuple(campaign_warnings(campaign)))


def _audience_problems(campaign: Campaign, audience: AudienceCounts | None) -> list[Problem]:
    if drafted_audience(campaign).is_empty:
        message = "No group or segment is chosen. Choose under Who which of them get this mail."
        return [Problem("no_group", message, "who")]
    if audience is None:
        return []
    if audience.total == 0:
        message = (
            "Nobody is in the chosen groups and segments. Import contacts into a group, or choose others under Who."
        )
        return [Problem("audience_empty", message, "who")]
    if audience.sendable == 0:
        message = f"All {audience.total:,} people who were chosen are skipped, so nobody would get this mail."
        return [Problem("audience_skipped", f"{message} Choose other groups or segments under Who.", "who")]
    return []


def _content_problems(campaign: Campaign) -> list[Problem]:
    source = mail_source(campaign)
    inspection = inspect_mail(source)
    problems = [] if source.subject.strip() else [Problem("no_subject", "The mail has no subject. Write one.", "what")]
    for finding in inspection.errors:
        line = f", line {finding.line}" if finding.line and finding.field in ("html", "text") else ""
        problems.append(Problem(finding.code, f"{_FIELD_NAMES[finding.field]}{line}: {finding.message}", "what"))
    if not inspection.has_unsubscribe:
        message = f"The template “{campaign.template}” has no unsubscribe link. Put {UNSUBSCRIBE_TAG} behind a link"
        also = ", in the plain text as well." if source.text else "."
        problems.append(Problem("no_unsubscribe", message + also, "what"))
    return problems


def _sender_problems(campaign: Campaign) -> list[Problem]:
    problems = []
    if campaign.organization.status != OrganizationStatus.ACTIVE:
        message = f"{campaign.organization} is {campaign.organization.get_status_display().lower()}: nothing is sent."
        problems.append(Problem("client_not_active", f"{message} A superuser can change that under Clients.", "client"))
    for code, name, address in (
        ("from_email", "sender address", campaign.from_email),
        ("reply_to", "reply address", campaign.reply_to),
    ):
        if not address and code == "from_email":
            problems.append(Problem("no_sender", "The sender address is missing. Write it under From.", "from"))
        elif address and not _is_address(address):
            message = f"The {name} “{address}” is no email address. Correct it under From."
            problems.append(Problem(f"bad_{code}", message, "from"))
    if not campaign.organization.postal_address.strip():
        message = f"{campaign.organization} has no postal address, which the law asks for in every mail."
        problems.append(Problem("no_postal_address", f"{message} Add it under Settings and brand.", "client"))
    return problems


def campaign_warnings(campaign: Campaign) -> list[Problem]:
    """What does not keep the campaign from being sent, and should be known before."""
    return [] if settings.DOMAINS_REQUIRED else _domain_problems(campaign)


def _domain_problems(campaign: Campaign) -> list[Problem]:
    """Receivers ask of bulk mail that its domain vouches for it (SPF, DKIM and DMARC)."""
    if not campaign.from_email:
        return []
    domain = domain_of(campaign.organization_id, campaign.from_email)
    name = campaign.from_email.rpartition("@")[2]
    if domain is None:
        message = f"{name} is no sending domain of this client. Add it under Domains, or choose another sender."
        return [Problem("domain_unknown", message, "from")]
    if domain.status == DomainStatus.VERIFIED:
        return []
    state = "is broken" if domain.status == DomainStatus.BROKEN else "is not verified yet"
    return [
        Problem(
            "domain_not_verified", f"The sending domain {name} {state}. Look under Domains what is missing.", "from"
        )
    ]


def _is_address(value: str) -> bool:
    try:
        validate_email(value)
    except ValidationError:
        return False
    return True


def _plan_use(campaign: Campaign, emails: int) -> tuple[PlanUse, list[Problem]]:
    """Raises NoUsableSubscription."""
    organization_id = campaign.organization_id
    plan = usage.usable_plan(organization_id)
    problems = []
    figures = {}
    for metric, wanted in ((Metric.EMAILS, emails), (Metric.CAMPAIGNS, 1)):
        used, limit = usage.used(organization_id=organization_id, metric=metric), plan.limit(metric)
        figures[metric] = PlanUse(used=used, after=used + wanted, limit=limit)
        if limit is not None and used + wanted > limit:
            message = (
                f"This needs {wanted:,} {metric.label}, but the {plan.name} plan has {max(limit - used, 0):,} left "
                f"({used:,} of {limit:,} used). Choose a larger plan under Plan and usage, or a smaller audience."
            )
            problems.append(Problem("limit_reached", message, "plan"))
    return figures[Metric.EMAILS], problems
