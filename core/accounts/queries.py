"""Reads of accounts."""

from uuid import UUID

from core.accounts.models import OrganizationLogo, User


def user_by_email(email: str) -> User | None:
    """The person who signs in with this address, in whatever case it is written; None for people who cannot."""
    return User.objects.filter(email__iexact=email.strip(), is_active=True).first()


def logo_named(*, organization_id: UUID, name: str) -> OrganizationLogo | None:
    """The client's logo of this name, the present one or an earlier one."""
    return OrganizationLogo.objects.filter(organization_id=organization_id, name=name).first()
