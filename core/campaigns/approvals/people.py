"""Who may answer which request."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from core.accounts.models import Organization, User
from core.accounts.permissions import MATRIX, Permission
from core.campaigns.approvals.errors import NotYours
from core.campaigns.models import Approval, Campaign, CampaignSnapshot
from core.campaigns.states import ApprovalStage


def _roles_with(permission: Permission) -> list[str]:
    return [role.value for role, permissions in MATRIX.items() if permission in permissions]


_SENDING_ROLES = _roles_with(Permission.CAMPAIGNS_SEND)
_MANAGING_ROLES = _roles_with(Permission.CAMPAIGNS_MANAGE)


def reviewers_of(organization: Organization, *, without: Iterable[UUID | None] = ()) -> list[User]:
    """Who may send for the client and is none of `without`, superusers included, by name."""
    may_send = Q(
        memberships__organization_id=organization.pk, memberships__is_active=True, memberships__role__in=_SENDING_ROLES
    )
    people = User.objects.filter(Q(is_superuser=True) | may_send, is_active=True)
    return list(people.exclude(pk__in=[pk for pk in without if pk]).distinct().order_by("full_name"))


def may_manage(user: User, organization_id: UUID) -> bool:
    return _has_role(user, organization_id, _MANAGING_ROLES)


def refuse_reviewer(user: User, approval: Approval, campaign: Campaign) -> None:
    """Raise NotYours unless the person may answer this request: the one table of that rule, superusers included."""
    if reason := why_not(user, approval, campaign):
        raise NotYours(reason)


def why_not(user: User, approval: Approval, campaign: Campaign) -> str:
    """Why the person may not answer, "" when she may."""
    if approval.stage != ApprovalStage.INTERNAL:
        return "This is the client's to answer, by the link that was sent."
    if user.pk == campaign.created_by_id:
        return f"You made “{campaign}”, so somebody else has to approve it."
    if user.pk == approval.asked_by_id:
        return "You asked for this approval, so somebody else has to answer."
    if not _has_role(user, campaign.organization_id, _SENDING_ROLES):
        return f"Approving for {campaign.organization} needs the right to send its campaigns."
    return ""


def refuse_releaser(user: User, correction: CampaignSnapshot, campaign: Campaign) -> None:
    """Raise NotYours unless the person may hand this correction to the client."""
    if reason := why_not_release(user, correction, campaign):
        raise NotYours(reason)


def why_not_release(user: User, correction: CampaignSnapshot, campaign: Campaign) -> str:
    """Why the person may not hand the correction on, "" when she may."""
    if user.pk == correction.created_by_id:
        return f"You wrote this correction. {campaign.organization} asks for a second person before the client."
    if not _has_role(user, campaign.organization_id, _SENDING_ROLES):
        return f"This needs the right to send campaigns of {campaign.organization}."
    return ""


def _has_role(user: User, organization_id: UUID, roles: list[str]) -> bool:
    if not user.is_active:
        return False
    mine = user.memberships.filter(organization_id=organization_id, is_active=True, role__in=roles)
    return user.is_superuser or mine.exists()
