"""The list of checks, and what a check says."""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

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


class Reads(enum.StrEnum):
    """What of a mail a check looks at. With an A/B test it looks at each variant, at equal ones once."""

    NOTHING = "nothing"
    SENDER = "sender"
    CONTENT = "content"
    MAIL = "mail"
    """Sender and content."""


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
    template_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and what to do. `where` is "who", "what", "from", "when", "client", "plan", "domain", "approval"
    or "connection". `template_id` is that of the mail it is about, `is_variants` says that the mail is a variant."""

    code: str
    message: str
    where: str
    level: Level = Level.STOP
    people: tuple[Person, ...] = ()
    template_id: UUID | None = None
    is_variants: bool = False


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
    reads: Reads = Reads.NOTHING

    def problems(self, case: Case) -> tuple[Problem, ...]:
        """What it finds, in each variant where it reads mails. Nothing, when the case does not hold what it needs."""
        if self.reads is Reads.NOTHING:
            return tuple(self._problem(found) for found in self.look(case))
        if len(case.mails) == 1:
            return tuple(self._problem(found, case) for found in self.look(case))
        return tuple(self._in_variants(case))

    def _problem(self, found: Found, case: Case | None = None) -> Problem:
        return Problem(
            found.code or self.code,
            found.message,
            found.fix or self.where,
            found.level or self.level,
            found.people,
            case.campaign.template_id if case is not None else found.template_id,
        )

    def _in_variants(self, case: Case) -> Iterator[Problem]:
        """What it finds in the variants, each thing once and with the names of those it is in."""
        looked: dict[object, list[Problem]] = {}
        named: dict[Problem, list[int]] = {}
        templates: dict[Problem, UUID | None] = {}
        for number, mail in enumerate(case.mails):
            key = self._what_it_reads(mail)
            if key not in looked:
                looked[key] = [self._problem(found, mail) for found in self.look(mail)]
            for problem in dict.fromkeys(replace(one, template_id=None) for one in looked[key]):
                named.setdefault(problem, []).append(number)
                templates.setdefault(problem, mail.campaign.template_id)
        for problem, numbers in named.items():
            message = case.said_of(numbers) + problem.message
            yield replace(problem, message=message, is_variants=True, template_id=templates[problem])

    def _what_it_reads(self, mail: Case) -> object:
        sender = () if self.reads is Reads.CONTENT else mail.sender
        return sender if self.reads is Reads.SENDER else (sender, mail.source, mail.campaign.template_id)

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
    reads: Reads = Reads.NOTHING,
) -> Callable[[Look], Look]:
    """Register the decorated function as a check."""

    def decorate(look: Look) -> Look:
        register(Check(code, title, where, level, look, fine, needs, reads))
        return look

    return decorate


def checks(*, up_to: Needs = Needs.PEOPLE) -> list[Check]:
    """The registered checks that need no more than that, in the order of the page."""
    return [one for one in _checks.values() if one.needs <= up_to]
