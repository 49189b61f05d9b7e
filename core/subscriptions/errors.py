from core.common.errors import DomainError


class LimitReached(DomainError):
    """The plan does not leave room for this work. Fields: metric, limit, used, wanted, plan."""

    code = "limit_reached"


class NoUsableSubscription(DomainError):
    """The client has no plan, or one that is suspended, cancelled or expired."""

    code = "no_usable_subscription"


class FeatureLocked(DomainError):
    """The client's plan does not include this feature. Field: feature (its path)."""

    code = "feature_locked"
