from core.common.errors import DomainError


class LimitReached(DomainError):
    """The plan does not leave room for this work. Fields: metric, limit, used, wanted, plan."""

    code = "limit_reached"


class NoUsableSubscription(DomainError):
    """The client has no plan, or one that is suspended, cancelled or expired."""

    code = "no_usable_subscription"
