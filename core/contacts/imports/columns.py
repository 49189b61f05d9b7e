"""Which column of a file is which field of a contact: guessed from headers in English and Spanish, then chosen."""

import re
import unicodedata
from collections.abc import Sequence
from typing import TypedDict

from core.contacts.errors import BadColumns

ATTRIBUTE = "attributes."
LEFT_OUT = ""
MAX_ATTRIBUTES = 50
MAX_GUESSED_ATTRIBUTES = 12
"""With more unknown columns than this, a file is somebody's whole database: choosing is left to the person."""
FIELD_LABELS = {
    "email": "Email address",
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
    "company": "Company",
    "time_zone": "Time zone",
    "language": "Language",
}
_HEADERS = {
    "email": "email,e mail,mail,email address,e mail address,correo,correo electronico,direccion de correo,"
    "direccion de correo electronico,direccion email,subscriber email,contact email",
    "first_name": "first name,firstname,given name,forename,fname,first,nombre,nombre de pila,primer nombre,name",
    "last_name": "last name,lastname,surname,family name,lname,last,apellido,apellidos,primer apellido",
    "phone": "phone,phone number,telephone,mobile,mobile phone,cell,tel,telefono,telefono movil,movil,celular",
    "company": "company,company name,organisation,organization,employer,empresa,compania,organizacion,razon social",
    "time_zone": "time zone,timezone,tz,zona horaria,huso horario",
    "language": "language,lang,locale,preferred language,idioma,lengua",
}
FIELD_BY_HEADER = {header: field for field, headers in _HEADERS.items() for header in headers.split(",")}
# A file's own ids and states mean nothing here: an id would name a row, a state would resubscribe.
_NEVER_GUESSED = frozenset(
    {"id", "uuid", "pk", "contact id", "status", "estado", "subscribed", "suscrito", "organization id", "email key"}
)
_SEPARATORS = re.compile(r"[\W_]+")


class Column(TypedDict):
    """A column of the file in order: its header, and the field it goes to ("" leaves it out)."""

    header: str
    field: str


def guess_columns(header: Sequence[str], sample: Sequence[Sequence[str]]) -> list[Column]:
    """The likely field of each column. `sample` holds some rows; the address column is known by its content, too."""
    fields = [FIELD_BY_HEADER.get(_plain(name), LEFT_OUT) for name in header]
    for position, field in enumerate(fields):
        if field in fields[:position]:
            fields[position] = LEFT_OUT
    if "email" not in fields:
        of_addresses = _column_of_addresses(len(header), sample)
        if of_addresses is not None:
            fields[of_addresses] = "email"
    unknown = [
        position
        for position, field in enumerate(fields)
        if field == LEFT_OUT and _plain(header[position]) not in _NEVER_GUESSED and _attribute_name(header[position])
    ]
    if len(unknown) <= MAX_GUESSED_ATTRIBUTES:
        for position in unknown:
            fields[position] = attribute_field(header[position])
    columns = [Column(header=name, field=field) for name, field in zip(header, fields, strict=True)]
    return _each_field_once(columns)


def attribute_field(header: str) -> str:
    """The custom field that a header suggests, such as "attributes.favourite_flower"."""
    return ATTRIBUTE + (_attribute_name(header) or "field")


def field_label(field: str) -> str:
    """What people call the field."""
    if field.startswith(ATTRIBUTE):
        return f"Custom field “{field.removeprefix(ATTRIBUTE)}”"
    return FIELD_LABELS.get(field, "Left out")


def check_columns(columns: Sequence[Column]) -> None:
    """Raise BadColumns unless there is one address column and no field has two columns."""
    fields = [column["field"] for column in columns if column["field"] != LEFT_OUT]
    if "email" not in fields:
        raise BadColumns("Choose the column that holds the email address.")
    for field in fields:
        if not field.startswith(ATTRIBUTE) and field not in FIELD_LABELS:
            raise BadColumns(f"“{field}” is no field of a contact.")
        if fields.count(field) > 1:
            headers = " and ".join(f"“{column['header']}”" for column in columns if column["field"] == field)
            raise BadColumns(f"{headers} both go to {field_label(field)}. Leave one of them out.")
    attributes = [field for field in fields if field.startswith(ATTRIBUTE)]
    if len(attributes) > MAX_ATTRIBUTES:
        raise BadColumns(f"{len(attributes)} custom fields are too many: choose up to {MAX_ATTRIBUTES}.")


def _each_field_once(columns: list[Column]) -> list[Column]:
    seen: set[str] = set()
    for column in columns:
        if column["field"] in seen:
            column["field"] = LEFT_OUT
        elif column["field"]:
            seen.add(column["field"])
    return columns


def _column_of_addresses(width: int, sample: Sequence[Sequence[str]]) -> int | None:
    counts = [sum("@" in cells[position] for cells in sample if position < len(cells)) for position in range(width)]
    best = max(counts, default=0)
    return counts.index(best) if best * 2 > len(sample) else None


def _plain(header: str) -> str:
    """Lower case without accents, words apart by one space."""
    decomposed = unicodedata.normalize("NFKD", header.casefold())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(_SEPARATORS.sub(" ", letters).split())


def _attribute_name(header: str) -> str:
    """A name that merge tags can use: letters, digits and underscores, at most 40."""
    return _plain(header).replace(" ", "_")[:40].strip("_")
