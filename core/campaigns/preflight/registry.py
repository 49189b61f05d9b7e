"""The list of checks, and what a check says."""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.campaigns.people import Person
from core.campaigns.preflight.case import Case


class Level(enum.StrEnum):
    """A stop keeps the campaign from being sent; a warning is known before, and no more."""

    STOP = "stop"
    WARNING = "warning"


class Needs(enum.IntEnum):
    """What a check looks at, by what it costs: the draft and its client, the numbers of the audience, its people."""

    DRAFT = 0
    COUNTS = 1
    PEOPLE = 2


@dataclass(frozen=True, slots=True)
class Found:
    """One thing a check found: a sentence that says what to do. Code and level are the check's own unless given.

    `people` are the first of those it is about; `fix` names another place than the check's (see `Problem.where`).
    """

    message: str
    code: str = ""
    level: Level | None = None
    people: tuple[Person, ...] = ()
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and what to do. `where` is "who", "what", "from", "when", "client", "plan", "domain", "approval"
    or "connection"."""

    code: str
    message: str
    where: str
    level: Level = Level.STOP
    people: tuple[Person, ...] = ()


Look = Callable[[Case], Iterable[Found]]


@dataclass(frozen=True)
class Check:
    """One entry of the checklist. `fine` is what it says when nothing was found."""

    code: str
    title: str
    where: str
    level: Level
    look: Look
    fine: str | Callable[[Case], str]
    needs: Needs = Needs.DRAFT

    def problems(self, case: Case) -> tuple[Problem, ...]:
        """What it finds. Nothing, when the case does not hold what it needs."""
        return tuple(
            Problem(
                found.code or self.code,
                found.message,
                found.fix or self.where,
                found.level or self.level,
                found.people,
            )
            for found in self.look(case)
        )

    def fine_words(self, case: Case) -> str:
        return self.fine if isinstance(self.fine, str) else self.fine(case)


_checks: dict[str, Check] = {}


def register(check: Check) -> None:
    """Add a check; one with the same code takes the place of the first."""
    _checks[check.code] = check


def check(
    *,
    code: str,
    title: str,
    where: str,
    fine: str | Callable[[Case], str],
    level: Level = Level.STOP,
    needs: Needs = Needs.DRAFT,
) -> Callable[[Look], Look]:
    """Register the decorated function as a check."""

    def decorate(look: Look) -> Look:
        register(Check(code, title, where, level, look, fine, needs))
        return look

    return decorate


def checks(*, up_to: Needs = Needs.PEOPLE) -> list[Check]:
    """The registered checks that need no more than that, in the order of the page."""
    return [one for one in _checks.values() if one.needs <= up_to]
