from core.common.errors import DomainError


class MembershipRefused(DomainError):
    """A change of a membership that the rules of roles forbid."""

    code = "membership_refused"


class LogoRefused(DomainError):
    """An uploaded file that cannot be a logo."""

    code = "logo_refused"
