"""Who gets a report: names and addresses, as people write them."""

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parseaddr

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.common.validators import validate_one_line
from core.reports.errors import ReportRefused

MOST_RECIPIENTS = 20
_LONGEST_NAME = 150


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
    name, address = parseaddr(line) if "<" in line else ("", line)
    try:
        validate_email(address)
        validate_one_line(name)
    except ValidationError as error:
        raise ReportRefused(f"“{line[:80]}” is no address. Write it like Marta Ruiz <marta@client.example>.") from error
    return Recipient(name.strip()[:_LONGEST_NAME], address)
