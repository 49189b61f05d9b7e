"""What the signed-in person can reach and do, computed once a request."""

from dataclasses import dataclass, field
from uuid import UUID

from django.core.exceptions import PermissionDenied

from core.accounts.choices import OrganizationStatus
from core.accounts.models import Organization, OrganizationMembership, User
from core.accounts.permissions import Permission, role_allows
from core.common.tenancy import all_organizations


@dataclass(frozen=True)
class Access:
    """`current` is the chosen client, None for "All clients"; `organizations` are those the person may choose from."""

    user: User
    organizations: tuple[Organization, ...] = ()
    roles: dict[UUID, str] = field(default_factory=dict)
    current: Organization | None = None

    @property
    def in_reach(self) -> tuple[Organization, ...]:
        """The organizations that lists and forms work on now: the current one, or all the person may reach."""
        return (self.current,) if self.current else self.organizations

    def can(self, permission: Permission, organization_id: UUID | None = None) -> bool:
        """May the person do this in that organization, or (without one) in any organization in reach now?"""
        if self.user.is_superuser:
            return True
        ids = [organization_id] if organization_id else [organization.pk for organization in self.in_reach]
        return any(pk in self.roles and role_allows(self.roles[pk], permission) for pk in ids)

    def require(self, permission: Permission, organization_id: UUID | None = None) -> None:
        """Raise PermissionDenied unless `can`."""
        if not self.can(permission, organization_id):
            raise PermissionDenied(f"Your role does not include “{permission}” here.")


def access_for(user: User, *, current_id: str | None = None) -> Access:
    """Read the person's organizations (2 queries at most). A current id that is out of reach counts as none."""
    with all_organizations(reason="which organizations this person may reach"):
        if user.is_superuser:
            organizations = tuple(Organization.objects.exclude(status=OrganizationStatus.ARCHIVED))
            roles: dict[UUID, str] = {}
        else:
            memberships = list(
                OrganizationMembership.objects.filter(user=user, is_active=True)
                .exclude(organization__status=OrganizationStatus.ARCHIVED)
                .select_related("organization")
                .order_by("organization__name")
            )
            organizations = tuple(membership.organization for membership in memberships)
            roles = {membership.organization_id: membership.role for membership in memberships}
    current = next((found for found in organizations if str(found.pk) == current_id), None)
    if current is None and len(organizations) == 1 and not user.is_superuser:
        current = organizations[0]
    return Access(user=user, organizations=organizations, roles=roles, current=current)
