"""Who works for which client. The seats of the plan are counted one package up, in core.subscriptions.services."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.accounts.choices import Role
from core.accounts.errors import MembershipRefused
from core.accounts.logos import Logo
from core.accounts.models import Organization, OrganizationLogo, OrganizationMembership, User

RANKS: dict[str, int] = {
    Role.VIEWER: 1,
    Role.ACCOUNT_MANAGER: 2,
    Role.MANAGER: 3,
    Role.ADMIN: 4,
    Role.OWNER: 5,
}
"""Nobody gives, takes or touches a role above the own one."""


@transaction.atomic
def membership_add(*, organization_id: UUID, user: User, role: str, by: User | None) -> OrganizationMembership:
    """Make the user a member. `by` is the acting person, None for the system. Raises MembershipRefused."""
    _lock(organization_id)
    _require_rank(organization_id, role, by)
    if OrganizationMembership.objects.filter(organization_id=organization_id, user=user).exists():
        raise MembershipRefused(f"{user} is a member already. Change the role in the list of members.")
    membership = OrganizationMembership.objects.create(organization_id=organization_id, user=user, role=role)
    audit.record(
        action="member.added",
        obj=membership,
        changes={"user": [None, user.email], "role": [None, str(Role(role).label)]},
    )
    return membership


@transaction.atomic
def membership_change(
    *, membership_id: UUID, role: str, is_active: bool, by: User | None
) -> tuple[OrganizationMembership, OrganizationMembership]:
    """Set role and activity. Returns the membership before and after. Raises MembershipRefused."""
    before = OrganizationMembership.objects.select_related("user").get(pk=membership_id)
    _lock(before.organization_id)
    before.refresh_from_db()
    _require_may_touch(before, by)
    _require_rank(before.organization_id, role, by)
    if role != Role.OWNER or not is_active:
        _require_another_owner(before)
    after = OrganizationMembership.objects.select_related("user").get(pk=membership_id)
    after.role, after.is_active = role, is_active
    names = ["role", "is_active"]
    changes = audit.changed_fields(audit.field_values(before, names), audit.field_values(after, names))
    if changes:
        after.save(update_fields=names)
        audit.record(action="member.changed", obj=after, changes=changes)
    return before, after


@transaction.atomic
def membership_remove(*, membership_id: UUID, by: User | None) -> OrganizationMembership:
    """End the membership. Returns it as it was. Raises MembershipRefused."""
    membership = OrganizationMembership.objects.select_related("user").get(pk=membership_id)
    _lock(membership.organization_id)
    membership.refresh_from_db()
    _require_may_touch(membership, by)
    _require_another_owner(membership)
    changes = {"user": [membership.user.email, None], "role": [str(Role(membership.role).label), None]}
    audit.record(action="member.removed", obj=membership, changes=changes)
    OrganizationMembership.objects.filter(pk=membership.pk).delete()
    return membership


@transaction.atomic
def organization_logo_set(*, organization: Organization, logo: Logo | None) -> None:
    """Give the client another logo, or none. Earlier ones stay where mails that are out find them."""
    before, after = organization.logo_name, logo.name if logo else ""
    if before == after:
        return
    if logo is not None:
        OrganizationLogo.objects.get_or_create(
            organization_id=organization.pk,
            name=logo.name,
            defaults={
                "content_type": logo.content_type,
                "content": logo.content,
                "width": logo.width,
                "height": logo.height,
            },
        )
    organization.logo_name = after
    organization.save(update_fields=["logo_name", "updated_at"])
    audit.record(action="organization.changed", obj=organization, changes={"logo_name": [before, after]})


def rank_in(organization_id: UUID, user: User | None) -> int:
    """The person's rank in a client; above all others for superusers and the system, 0 for strangers."""
    if user is None or user.is_superuser:
        return max(RANKS.values()) + 1
    mine = OrganizationMembership.objects.filter(organization_id=organization_id, user=user, is_active=True).first()
    return RANKS[mine.role] if mine else 0


def _lock(organization_id: UUID) -> None:
    """Two owners who remove each other at once must not both succeed: members change one at a time per client."""
    Organization.objects.select_for_update().get(pk=organization_id)


def _require_rank(organization_id: UUID, role: str, by: User | None) -> None:
    if RANKS[role] > rank_in(organization_id, by):
        raise MembershipRefused(f"Only a person of the role {Role(role).label} or above can give that role.")


def _require_may_touch(membership: OrganizationMembership, by: User | None) -> None:
    if by is not None and not by.is_superuser and membership.user_id == by.pk:
        raise MembershipRefused("Nobody changes the own membership. Ask another owner or admin.")
    if RANKS[membership.role] > rank_in(membership.organization_id, by):
        raise MembershipRefused(f"{membership.user} has a role above yours. Ask an owner.")


def _require_another_owner(membership: OrganizationMembership) -> None:
    if membership.role != Role.OWNER or not membership.is_active:
        return
    owners = OrganizationMembership.objects.filter(
        organization_id=membership.organization_id, role=Role.OWNER, is_active=True, user__is_active=True
    )
    if not owners.exclude(pk=membership.pk).exists():
        raise MembershipRefused(f"{membership.user} is the only owner. Make another member an owner first.")
