"""What delivery refuses, in words for the person who asked."""

from core.common.errors import DomainError


class NoConnection(DomainError):
    """No connection carries the campaigns of this client."""

    code = "delivery.no_connection"


class StaleClaim(DomainError):
    """The batch was taken away from this worker: its lease ran out. What it still reports can only serve as proof."""

    code = "delivery.stale_claim"


class NotUnresolved(DomainError):
    """The mail is not (any more) one for a person to decide on. Fields: message_id."""

    code = "delivery.not_unresolved"


class CampaignCalledOff(DomainError):
    """The campaign was cancelled: nothing of it is sent any more."""

    code = "delivery.campaign_called_off"


class NothingSent(DomainError):
    """Nothing was written to this person yet, so there is nothing to show. Fields: message_id."""

    code = "delivery.nothing_sent"


class ConnectionNotWorking(DomainError):
    """The provider did not let us in. Fields: words (the provider's own)."""

    code = "delivery.connection_not_working"


class MailTestRefused(DomainError):
    """No test mail is sent, and the sentence says what to change."""

    code = "delivery.mail_test_refused"
