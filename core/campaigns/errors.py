"""What the product refuses about campaigns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.common.errors import DomainError

if TYPE_CHECKING:
    from core.campaigns.preflight import Problem


class IllegalTransition(DomainError):
    """The campaign's state does not allow this. Fields: before, after."""

    code = "campaigns.illegal_transition"


class ChangedMeanwhile(DomainError):
    """Somebody else changed the campaign between reading and writing."""

    code = "campaigns.changed_meanwhile"


class CampaignNotReady(DomainError):
    """The campaign cannot be sent yet. `problems` lists everything that has to be put right."""

    code = "campaigns.not_ready"

    def __init__(self, problems: "Sequence[Problem]") -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


class NotSentYet(DomainError):
    """Nothing of the campaign has gone out."""

    code = "campaigns.not_sent_yet"
