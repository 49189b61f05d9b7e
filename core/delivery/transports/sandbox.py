"""A transport that delivers nowhere: each mail is kept, byte for byte as it would have arrived, to be looked at."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from core.delivery.mime import MimeSkeleton, single_line
from core.delivery.models import SandboxMail
from core.delivery.retry_policy import refusal
from core.delivery.transports.base import MailContent, Outcome, OutcomeKind, Recipient, Transport
from core.delivery.transports.errors import MailProblem


class SandboxTransport(Transport):
    """Keeps the mails of one organization in its sandbox inbox, inside the caller's scope."""

    slice_size = 100

    def __init__(self, organization_id: UUID) -> None:
        self._organization_id = organization_id
        self._skeleton: MimeSkeleton | None = None

    def send(self, content: MailContent, recipients: Sequence[Recipient]) -> list[Outcome]:
        """See `Transport.send`. All mails of the call are kept, or none is."""
        if self._skeleton is None or self._skeleton.content is not content:
            self._skeleton = MimeSkeleton(content)
        mails: list[SandboxMail] = []
        outcomes = []
        for recipient in recipients:
            try:
                mails.append(self._mail(self._skeleton, recipient))
            except MailProblem as problem:
                outcome = refusal(recipient.message_id, problem.code, str(problem))
            else:
                outcome = Outcome(recipient.message_id, OutcomeKind.ACCEPTED, "kept", "Kept in the sandbox")
            outcomes.append(outcome)
        # An operator's resend arrives in the place of the first one.
        SandboxMail.objects.bulk_create(
            mails,
            update_conflicts=True,
            unique_fields=["message"],
            update_fields=["recipient", "sender", "subject", "raw", "received_at"],
        )
        return outcomes

    def close(self) -> None:
        """Nothing is held open."""

    def _mail(self, skeleton: MimeSkeleton, recipient: Recipient) -> SandboxMail:
        return SandboxMail(
            organization_id=self._organization_id,
            message_id=recipient.message_id if recipient.in_ledger else None,
            recipient=recipient.address,
            sender=skeleton.content.from_email,
            subject=single_line(skeleton.content.subject.render(recipient.values))[:998],
            raw=skeleton.build(recipient, date=datetime.now(UTC)),
        )
