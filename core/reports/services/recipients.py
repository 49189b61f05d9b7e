"""Who gets a report: names and addresses, as people write them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.common.validators import validate_one_line
from core.reports.errors import ReportRefused

MOST_RECIPIENTS = 20
_LONGEST_NAME = 150
_LONGEST_ADDRESS = 254
"""RFC 5321, 4.5.3.1.3, less the two signs around it."""
# Not RFC 5322: there "Ruiz, Marta <marta@client.example>" are two addresses, and here it is how people are called.
_NAMED = re.compile(r"(.*)<([^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Recipient:
    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email


def recipients_of(lines: Iterable[str]) -> list[Recipient]:
    """One of each address, in the order they stand. A line is an address, or a name with the address in <…>.

    Raises ReportRefused for a line that is neither, and for more than MOST_RECIPIENTS.
    """
    found: dict[str, Recipient] = {}
    for line in filter(None, (line.strip() for line in lines)):
        recipient = _recipient(line)
        found.setdefault(recipient.email.casefold(), recipient)
    if len(found) > MOST_RECIPIENTS:
        raise ReportRefused(f"A report goes to {MOST_RECIPIENTS} people at most; these are {len(found)}.")
    return list(found.values())


def _recipient(line: str) -> Recipient:
    named = _NAMED.fullmatch(line)
    name, address = named.groups() if named else ("", line)
    try:
        validate_email(address)
        validate_one_line(name)
        if len(address) > _LONGEST_ADDRESS or _NAMED.match(name):
            raise ValidationError("longer than an address can be, or two of them")
    except ValidationError as error:
        raise ReportRefused(f"“{line[:80]}” is no address. Write it like Marta Ruiz <marta@client.example>.") from error
    return Recipient(name.strip().strip('"').strip()[:_LONGEST_NAME], address)
