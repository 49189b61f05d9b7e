"""The wrong-client guard: what belongs to one client must not stand in another's mail."""

from collections.abc import Iterator

from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, Level, Reads, check
from core.campaigns.wrong_client import Mix, mixes


@check(
    code="wrong_client",
    title="Nothing of another client",
    where="what",
    fine="No site, sender, word or address of another client stands in the mail.",
    reads=Reads.MAIL,
)
def nothing_of_another_client(case: Case) -> Iterator[Found]:
    urls = [link.url for link in case.links]
    for mix in mixes(case.organization, case.campaign, case.source, case.text, urls, case.agency):
        yield Found(
            _words(mix), level=Level.STOP if mix.is_certain else Level.WARNING, fix=_WHERE.get(mix.kind, "what")
        )


_WHERE = {"sender": "from"}


def _words(mix: Mix) -> str:
    whose = mix.client_name or "another client"
    what = {
        "host": f"A link leads to {mix.found}, which belongs to {whose}.",
        "sender": f"The {mix.place} {mix.found} is of a domain that belongs to {whose}.",
        "word": f"The {mix.place} says “{mix.found}”, a word of {whose}.",
        "name": f"The {mix.place} names {whose}.",
        "address": f"The {mix.place} holds the postal address of {whose}.",
    }[mix.kind]
    advice = "Choose another sender." if mix.kind == "sender" else "Take it out, or check that this is the right mail."
    return f"{what} {advice}"
