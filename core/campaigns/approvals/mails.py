"""The mails with the client's link, as rows that are due. Delivery sends them and says what became of each."""

import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.accounts import audit
from core.campaigns.approvals.queries import LIVE
from core.campaigns.models import Approval
from core.campaigns.states import ApprovalState
from core.common.tenancy import require

_LONGEST_PROBLEM = 300


def approval_mails_due() -> list[UUID]:
    """The clients with mails to send, in the open scope."""
    due = Approval.objects.filter(state=ApprovalState.OPEN, mail_due_at__lte=timezone.now())
    return list(due.order_by().values_list("organization_id", flat=True).distinct())


def approval_mails_claim(*, organization_id: UUID, limit: int, lease: datetime.timedelta) -> list[Approval]:
    """Take due mails in hand, each for the length of the lease; call in autocommit and send after the return.

    Two workers never hold one. A worker killed while it holds one leaves it due again after the lease: a crash costs
    the approver at most one double mail, and never the link.
    """
    require(organization_id)
    now = timezone.now()
    with transaction.atomic():
        due = Approval.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            LIVE, organization_id=organization_id, state=ApprovalState.OPEN, mail_due_at__lte=now
        )
        rows = list(due.select_related("campaign", "organization", "asked_by").order_by("mail_due_at", "id")[:limit])
        for row in rows:
            row.mail_due_at, row.mail_attempts = now + lease, row.mail_attempts + 1
        Approval.objects.bulk_update(rows, ["mail_due_at", "mail_attempts"])
    return rows


@transaction.atomic
def approval_mailed(*, approval_id: UUID, problem: str = "") -> None:
    """The mail has left, or nobody can say (`problem`): it is not sent again by itself."""
    approval = Approval.objects.select_for_update().get(pk=approval_id)
    approval.mail_due_at, approval.mail_problem = None, problem[:_LONGEST_PROBLEM]
    approval.mailed_at = timezone.now()
    approval.save(update_fields=["mail_due_at", "mail_problem", "mailed_at"])
    audit.record(action="approval.mailed", obj=approval, changes={"to": [None, approval.approver_email]})


def approval_mail_failed(*, approval_id: UUID, problem: str, due_at: datetime.datetime | None = None) -> None:
    """It was not taken: tried again at `due_at`, or not any more (None). The page shows the provider's words."""
    rows = Approval.objects.filter(pk=approval_id, state=ApprovalState.OPEN)
    rows.update(mail_due_at=due_at, mail_problem=problem[:_LONGEST_PROBLEM])


def approval_mails_postpone(*, approval_ids: list[UUID], problem: str, due_at: datetime.datetime) -> None:
    """Nothing was sent, and the approver is not to blame: the mails wait, and the attempt does not count."""
    rows = Approval.objects.filter(pk__in=approval_ids, state=ApprovalState.OPEN)
    rows.update(mail_due_at=due_at, mail_problem=problem[:_LONGEST_PROBLEM], mail_attempts=F("mail_attempts") - 1)
