"""Mails over SendGrid's Web API v3: one content and up to 1,000 people in a request, over a connection that is kept.

SendGrid puts our values in the place of our own marks ("substitutions"), so its template language never sees a value.
A request is taken as a whole (202) or refused as a whole. What an answer means:

1. 202: all of it was taken.
2. 400, 413: refused for what is in it. Errors name the person by `personalizations.N`; where they name nobody, halves
   of the request find out who it is.
3. 401, 403, and what else says that we do not belong here: key or sender are refused; nobody is charged with it.
4. 429 and 503: not now. `X-RateLimit-Reset` or `Retry-After` say when.
5. Anything else, or no answer to a request that was written: nobody knows. Never sent again by itself.

Source: Twilio SendGrid's API reference, "Mail Send", "Errors" and "Rate limits".
"""

from collections import deque
from collections.abc import Sequence

from core.delivery.retry_policy import classify, refusal
from core.delivery.transports.base import ErrorClass, MailContent, Outcome, OutcomeKind, Recipient, Transport, one_line
from core.delivery.transports.errors import ConnectionProblem, MailProblem
from core.delivery.transports.sendgrid.api import (
    NOT_NOW,
    NOT_REACHED,
    NOT_TRIED,
    REFUSED_FOR_CONTENT,
    Answer,
    SendGridApi,
    SendGridSettings,
)
from core.delivery.transports.sendgrid.letter import Letter, Person, Variant

MOST_PEOPLE = 1_000
"""Personalizations in one request."""
PROVIDER = "sendgrid"


class SendGridTransport(Transport):
    """Sends through SendGrid with one API key."""

    slice_size = MOST_PEOPLE

    def __init__(self, settings: SendGridSettings) -> None:
        self._api = SendGridApi(settings)
        self._letter: Letter | None = None

    def send(self, content: MailContent, recipients: Sequence[Recipient]) -> list[Outcome]:
        """See `Transport.send`. After an answer that says the server is unwell, the rest is RETRY."""
        if self._letter is None or self._letter.content is not content:
            self._letter = Letter(content)
        outcomes: dict[int, Outcome] = {}
        people = _written(self._letter, recipients, outcomes)
        groups = _groups(people)
        is_fresh = True
        while groups:
            group = groups.popleft()
            answer = self._api.post("/v3/mail/send", self._letter.request(group))
            if is_fresh:
                _raise_if_all_are_meant(answer)
            if answer.status in REFUSED_FOR_CONTENT:
                groups.extendleft(reversed(_without_the_blamed(group, answer, outcomes)))
                continue
            is_fresh = False
            _note(group, answer, outcomes)
            if not answer.is_taken:
                for rest in groups:
                    _note(rest, _unwell(answer), outcomes)
                break
        return [outcomes[index] for index in range(len(recipients))]

    def close(self) -> None:
        """Close the kept connection."""
        self._api.close()


def _written(letter: Letter, recipients: Sequence[Recipient], outcomes: dict[int, Outcome]) -> list[Person]:
    """Everybody whose mail can be written down; the others get their outcome."""
    people = []
    for index, recipient in enumerate(recipients):
        try:
            people.append(letter.person(index, recipient))
        except MailProblem as problem:
            outcomes[index] = refusal(recipient.message_id, problem.code, str(problem))
    return people


def _groups(people: Sequence[Person]) -> deque[list[Person]]:
    """Requests: those who share the content, MOST_PEOPLE at a time, then each one who does not."""
    shared: dict[Variant, list[Person]] = {}
    for person in people:
        if person.alone is None:
            shared.setdefault(person.variant, []).append(person)
    groups = deque(
        same[start : start + MOST_PEOPLE] for same in shared.values() for start in range(0, len(same), MOST_PEOPLE)
    )
    groups.extend([person] for person in people if person.alone is not None)
    return groups


def _refuses_us(answer: Answer) -> bool:
    return 300 <= answer.status < 500 and answer.status not in REFUSED_FOR_CONTENT | NOT_NOW


def _raise_if_all_are_meant(answer: Answer) -> None:
    """For the first request of a call: a refusal of the sender or of the content itself concerns everybody."""
    if _refuses_us(answer):
        raise ConnectionProblem(f"SendGrid refuses us: {answer.words}", code=answer.code, words=answer.words)
    if answer.status in REFUSED_FOR_CONTENT and answer.is_about_all:
        raise MailProblem(f"SendGrid refuses the mail: {answer.words}", code=answer.code)


def _without_the_blamed(group: list[Person], answer: Answer, outcomes: dict[int, Outcome]) -> list[list[Person]]:
    """What is left to try of a refused request: without those whom the errors name, else its halves."""
    blamed = {place: words for place, words in answer.blamed.items() if place < len(group)}
    if len(group) == 1:
        blamed = {0: answer.words}
    for place, words in blamed.items():
        outcomes[group[place].index] = refusal(group[place].message_id, answer.code, words, PROVIDER)
    if blamed:
        rest = [person for place, person in enumerate(group) if place not in blamed]
        return [rest] if rest else []
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def _note(group: Sequence[Person], answer: Answer, outcomes: dict[int, Outcome]) -> None:
    """The same outcome for everybody in the request."""
    kind = _kind(answer)
    for person in group:
        outcomes[person.index] = Outcome(
            person.message_id,
            kind,
            answer.code,
            answer.words,
            provider_message_id=answer.message_id,
            retry_after_seconds=answer.retry_after_seconds,
            error=ErrorClass.UNKNOWN if answer.is_taken else classify(answer.code, answer.words, PROVIDER),
        )


def _kind(answer: Answer) -> OutcomeKind:
    if answer.is_taken:
        return OutcomeKind.ACCEPTED
    is_untaken = answer.status in NOT_NOW or _refuses_us(answer) or answer.code in (NOT_REACHED, NOT_TRIED)
    return OutcomeKind.RETRY if is_untaken else OutcomeKind.UNKNOWN


def _unwell(answer: Answer) -> Answer:
    """For those who were not tried after this answer."""
    words = f"Not tried after: {answer.words}" if answer.words else "Not tried after a request without an answer"
    return Answer(0, NOT_TRIED, one_line(words), retry_after_seconds=answer.retry_after_seconds)
