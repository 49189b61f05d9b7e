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


class NothingCorrected(DomainError):
    """The corrected version says what went out before."""

    code = "campaigns.nothing_corrected"


class NeedsSecondPerson(DomainError):
    """Somebody else than who wrote the correction has to release it."""

    code = "campaigns.needs_second_person"


class BadTest(DomainError):
    """The A/B test compares too few or too many variants, or cannot be made."""

    code = "campaigns.bad_test"


class ABDecided(DomainError):
    """The A/B test is decided, or does not run."""

    code = "campaigns.test_decided"


class BadTime(DomainError):
    """The time that was asked for has passed, or lies too far ahead."""

    code = "campaigns.bad_time"
