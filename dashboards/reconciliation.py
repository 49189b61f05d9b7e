"""Who got a campaign and who did not, to the last person: the tables of the reconcile page."""

from typing import Any

from core.delivery.reconcile import Line, NamedPerson, Reconciliation
from core.delivery.states import SendState
from dashboards.addresses import ledger_url
from dashboards.numbers import share_text
from dashboards.tables import Column, Table

OPEN_QUESTIONS = "open-questions"


def people_table(campaign: Any, found: Reconciliation) -> Table:
    """One row for each state and reason; its people are one click away."""
    columns = (
        Column("What became of it", lambda line: line.state.label, link=lambda line: _url(campaign, line)),
        Column("Why", lambda line: line.reason.label or "–"),
        Column("People", lambda line: line.count, is_number=True),
        Column("Share", lambda line: share_text(line.count, found.accounted), is_number=True),
    )
    return Table("people", "Everybody in the ledger, by what became of the mail", columns, found.lines)


def questions_table(people: list[NamedPerson]) -> Table:
    columns = (
        Column("email", lambda person: person.email),
        Column("state", lambda person: person.state),
        Column("words of the server", lambda person: person.words),
        Column("handed over (UTC)", lambda person: person.since),
    )
    return Table(OPEN_QUESTIONS, "People nobody can be sure about", columns, people)


def _url(campaign: Any, line: Line) -> str:
    return ledger_url(campaign.pk, SendState(line.state), line.reason.value)
