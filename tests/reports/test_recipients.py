"""Names and addresses, as people write and paste them."""

import pytest

from core.reports.errors import ReportRefused
from core.reports.services import Recipient, recipients_of

LONG_DOMAIN = ".".join(["d" * 60] * 3)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("marta@client.example", ""),
        ("<marta@client.example>", ""),
        ("Marta Ruiz <marta@client.example>", "Marta Ruiz"),
        ("Ruiz, Marta <marta@client.example>", "Ruiz, Marta"),
        ('"Ruiz, Marta" <marta@client.example>', "Ruiz, Marta"),
        ("Marta (Sales); 2nd floor <marta@client.example>", "Marta (Sales); 2nd floor"),
        ("Marta <3 <marta@client.example>", "Marta <3"),
        ("مارتا 🌷 <marta@client.example>", "مارتا 🌷"),
    ],
)
def test_line_is_read_as_people_write_names_and_comes_back_the_same(line: str, name: str) -> None:
    (found,) = recipients_of([line])
    assert found == Recipient(name, "marta@client.example")
    assert recipients_of([str(found)]) == [found]


@pytest.mark.parametrize(
    "line",
    [
        "Marta",
        "Marta <>",
        "a@b.example, c@d.example",
        "Marta <a@b.example> <c@d.example>",
        "Bcc: x\x0b <marta@client.example>",
        f"{'a' * 64}@{LONG_DOMAIN}.{'e' * 20}.example",
    ],
)
def test_line_that_is_no_address_is_refused_in_words(line: str) -> None:
    with pytest.raises(ReportRefused):
        recipients_of([line])
