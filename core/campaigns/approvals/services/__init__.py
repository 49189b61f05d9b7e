"""Writes of the approval chain: ask, answer, comment, take back, and what happens when the campaign is edited."""

from core.campaigns.approvals.services.answering import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_COMMENTS,
    approval_approve,
    approval_ask_changes,
    approval_comment,
)
from core.campaigns.approvals.services.asking import (
    LONGEST_LINK_DAYS,
    approval_remind,
    approval_request,
    approval_withdraw,
)
from core.campaigns.approvals.services.corrections import correction_ask_client, whom_to_ask
from core.campaigns.approvals.services.editing import approval_expire, approval_recheck, approvals_check
from core.campaigns.approvals.services.records import LINK_DAYS, Asked, Decider, Spot

__all__ = [
    "LINK_DAYS",
    "LONGEST_LINK_DAYS",
    "LONGEST_NAME",
    "LONGEST_TEXT",
    "MOST_COMMENTS",
    "Asked",
    "Decider",
    "Spot",
    "approval_approve",
    "approval_ask_changes",
    "approval_comment",
    "approval_expire",
    "approval_recheck",
    "approval_remind",
    "approval_request",
    "approval_withdraw",
    "approvals_check",
    "correction_ask_client",
    "whom_to_ask",
]
