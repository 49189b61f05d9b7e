"""Reads of accounts."""

from core.accounts.models import User


def user_by_email(email: str) -> User | None:
    """The person who signs in with this address, in whatever case it is written; None for people who cannot."""
    return User.objects.filter(email__iexact=email.strip(), is_active=True).first()
