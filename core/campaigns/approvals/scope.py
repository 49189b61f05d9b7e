"""From a verified token to the request behind it. The only place here that opens a scope."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from core.campaigns.models import Approval
from core.campaigns.states import ApprovalStage
from core.common.request_context import current_context, request_context
from core.common.tenancy import all_organizations, organization_scope


@contextmanager
def approval_scope(approval_id: UUID, ip_address: str | None) -> Iterator[Approval]:
    """The client's request with its campaign, in the client's scope; what is done stands in the log as the approver's.

    Call with an id out of a verified token only. Raises Approval.DoesNotExist, also for a request to the team.
    """
    with all_organizations(reason="a verified token names its request"):
        found = Approval.objects.select_related("organization", "asked_by", "campaign__template")
        approval = found.get(pk=approval_id, stage=ApprovalStage.CLIENT)
        approval.campaign.organization = approval.organization
    who = approval.approver_name or approval.approver_email or "the client's approver"
    actor = request_context(
        request_id=current_context().request_id, actor_label=f"{who} (by link)", ip_address=ip_address
    )
    with organization_scope(approval.organization_id), actor:
        yield approval
