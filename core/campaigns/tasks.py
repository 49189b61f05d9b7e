"""Periodic work of campaigns. What is due stands in the rows."""

from core.campaigns.approvals.services import approvals_check
from core.common.tasks import Summary, agency_task


@agency_task(name="campaigns.check_approvals")
def check_approvals() -> Summary:
    """Find what was edited since it was approved, what ran out, and whom to remind."""
    return dict(approvals_check())
