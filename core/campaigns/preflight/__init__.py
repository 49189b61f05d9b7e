"""What stands between a campaign and its sending, and what sending it would do, in numbers.

A check is one function, registered with `check`. Packages above add theirs with `registry.register`, such as delivery
for its connections. Importing the modules here is what registers the ones of this package, in the order of the page.
"""

from core.campaigns.preflight import audience, content, ab_test, links, sender, clients, approval, plan  # noqa: F401, I001 - in this order
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Check, Found, Level, Needs, Person, Problem, check, register
from core.campaigns.preflight.runner import (
    ChecklistItem,
    SendPreview,
    State,
    campaign_problems,
    campaign_warnings,
    checklist,
    due_problems,
    edited_problems,
    known_problems,
    send_preview,
)
from core.campaigns.preflight.plan import PlanUse

__all__ = [
    "Case",
    "Check",
    "ChecklistItem",
    "Found",
    "Level",
    "Needs",
    "Person",
    "PlanUse",
    "Problem",
    "SendPreview",
    "State",
    "campaign_problems",
    "campaign_warnings",
    "check",
    "checklist",
    "due_problems",
    "edited_problems",
    "known_problems",
    "register",
    "send_preview",
]
