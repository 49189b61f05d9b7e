"""Whether a client's confirmation mails can leave, as the package that sends them says.

That package stands above this one and registers its answer (`AppConfig.ready`).
"""

from collections.abc import Callable

from core.accounts.models import Organization

Check = Callable[[Organization], str]
_checks: list[Check] = []


def register_readiness(check: Check) -> None:
    """`check` returns a sentence for staff: what stands in the way and what to do; "" when nothing does."""
    if check not in _checks:
        _checks.append(check)


def confirmation_problem(organization: Organization) -> str:
    """The first thing in the way of this client's confirmation mails, or "". Call inside the client's scope."""
    return next((problem for check in _checks if (problem := check(organization))), "")
