"""Which column of a file is which field of a contact: guessed from headers in English and Spanish, then chosen."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import NotRequired, TypedDict
from uuid import UUID

from django.core.exceptions import ValidationError

from core.contacts.choices import FieldKind
from core.contacts.custom_values import NO_HINTS, Field, guess_hints, guess_kind
from core.contacts.errors import BadColumns
from core.contacts.models import ColumnChoice, ContactField, ContactImport
from core.contacts.models.fields import validate_field_key

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
# Digits under these headers are names of things, whose zeros in front matter.
_CODE_WORDS = "zip,postal,postcode,plz,cp,code,codigo,id,number,num,no,ref,referencia,sku,ean,nif,dni,vat"
_CODES = frozenset(_CODE_WORDS.split(","))
_SEPARATORS = re.compile(r"[\W_]+")
_NOT_OF_KEYS = re.compile(r"[^a-z0-9]+")
_NAMELESS = re.compile(r"column [0-9]+|column")
MAX_HEADER_CHARACTERS = 100


class Column(TypedDict):
    """A column of the file in order: its header, and the field it goes to ("" leaves it out).

    `kind` is the type of a custom field that does not exist yet. `is_remembered` says that the client's people chose
    the field last time. `hints` names what the whole column shows about its dates and numbers: custom_values.Hints.
    """

    header: str
    field: str
    kind: NotRequired[str]
    is_remembered: NotRequired[bool]
    hints: NotRequired[list[str]]


def guess_columns(
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    *,
    remembered: Mapping[str, str] | None = None,
    fields: Iterable[Field] = (),
) -> list[Column]:
    """The likely field of each column: what was chosen for its header last time, then by the header, then by content.

    `sample` holds some rows, `remembered` what `remembered_columns` found, `fields` are the client's custom fields.
    """
    values = _values_by_column(len(header), sample)
    known = {custom.key: custom for custom in fields}
    names = {plain_header(name): key for key, custom in known.items() for name in (custom.label, key)}
    columns = [_guessed(name, remembered or {}, names) for name in header]
    _leave_out_repeated(columns)
    _find_addresses(columns, values)
    _guess_new_fields(columns)
    for column, of_column in zip(columns, values, strict=True):
        _describe(column, of_column, known)
    return columns


def remembered_columns(organization_id: UUID, header: Sequence[str]) -> dict[str, str]:
    """What this client's people chose last time for these headers: fields by header in plain letters."""
    choices = ColumnChoice.objects.filter(organization_id=organization_id, header_key__in=set(map(_header_key, header)))
    return dict(choices.values_list("header_key", "field"))


def remember_columns(contact_import: ContactImport) -> None:
    """Keep the choices of this import for the client's next file."""
    chosen = {_header_key(column["header"]): column["field"] for column in reversed(contact_import.columns)}
    ColumnChoice.objects.bulk_create(
        [
            ColumnChoice(organization_id=contact_import.organization_id, header_key=header, field=field)
            for header, field in chosen.items()
            if header and not _NAMELESS.fullmatch(header)
        ],
        update_conflicts=True,
        unique_fields=["organization", "header_key"],
        update_fields=["field"],
    )


def create_missing_fields(contact_import: ContactImport) -> list[ContactField]:
    """Make the custom fields that columns name and the client does not have. Returns the new ones."""
    organization_id = contact_import.organization_id
    known = set(ContactField.objects.filter(organization_id=organization_id).values_list("key", flat=True))
    missing = [
        ContactField(
            organization_id=organization_id,
            key=column["field"].removeprefix(ATTRIBUTE),
            label=_label_of_new_field(column),
            kind=column.get("kind") or FieldKind.TEXT,
        )
        for column in contact_import.columns
        if column["field"].startswith(ATTRIBUTE) and column["field"].removeprefix(ATTRIBUTE) not in known
    ]
    # Another import may be making the same field: the first one stays.
    return list(ContactField.objects.bulk_create(missing, ignore_conflicts=True))


def attribute_field(header: str) -> str:
    """The custom field that a header suggests, such as "attributes.favourite_flower"."""
    return ATTRIBUTE + (_attribute_key(header) or "field")


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
        if field.startswith(ATTRIBUTE) and not _is_key(field.removeprefix(ATTRIBUTE)):
            raise BadColumns(f"“{field.removeprefix(ATTRIBUTE)}” cannot be the name of a custom field.")
        if fields.count(field) > 1:
            headers = " and ".join(f"“{column['header']}”" for column in columns if column["field"] == field)
            raise BadColumns(f"{headers} both go to {field_label(field)}. Leave one of them out.")
    attributes = [field for field in fields if field.startswith(ATTRIBUTE)]
    if len(attributes) > MAX_ATTRIBUTES:
        raise BadColumns(f"{len(attributes)} custom fields are too many: choose up to {MAX_ATTRIBUTES}.")


def _is_key(key: str) -> bool:
    try:
        validate_field_key(key)
    except ValidationError:
        return False
    return True


def _guessed(header: str, remembered: Mapping[str, str], names: Mapping[str, str]) -> Column:
    plain = plain_header(header)
    if plain[:MAX_HEADER_CHARACTERS] in remembered:
        return Column(header=header, field=remembered[plain[:MAX_HEADER_CHARACTERS]], is_remembered=True)
    if plain in FIELD_BY_HEADER:
        return Column(header=header, field=FIELD_BY_HEADER[plain])
    return Column(header=header, field=ATTRIBUTE + names[plain] if plain in names else LEFT_OUT)


def _leave_out_repeated(columns: list[Column]) -> None:
    """Of two columns for one field the remembered one is taken, then the first."""
    taken: set[str] = set()
    for column in sorted(columns, key=lambda column: not column.get("is_remembered")):
        if column["field"] in taken:
            column["field"] = LEFT_OUT
            column.pop("is_remembered", None)
        elif column["field"]:
            taken.add(column["field"])


def _find_addresses(columns: list[Column], values: Sequence[Sequence[str]]) -> None:
    """Without a column of addresses, the one that mostly holds some becomes it."""
    if any(column["field"] == "email" for column in columns):
        return
    counts = [sum("@" in value for value in of_column) for of_column in values]
    best = max(counts, default=0)
    if best and best * 2 > len(values[counts.index(best)]):
        columns[counts.index(best)]["field"] = "email"


def _guess_new_fields(columns: list[Column]) -> None:
    taken = {column["field"] for column in columns}
    unknown = [
        column
        for column in columns
        if column["field"] == LEFT_OUT
        and not column.get("is_remembered")
        and (plain := plain_header(column["header"])) not in _NEVER_GUESSED
        and not _NAMELESS.fullmatch(plain)
        and ATTRIBUTE + _attribute_key(plain) not in taken | {ATTRIBUTE}
    ]
    if len(unknown) > MAX_GUESSED_ATTRIBUTES:
        return
    for column in unknown:
        field = attribute_field(column["header"])
        if field not in taken:
            taken.add(field)
            column["field"] = field


def _describe(column: Column, values: Sequence[str], known: Mapping[str, Field]) -> None:
    """What the content of the column says about the type of its field, and how dates and numbers are written."""
    shown = [value for value in values if value]
    hints = guess_hints(shown)
    if hints != NO_HINTS:
        column["hints"] = [name for name, is_so in asdict(hints).items() if is_so]
    if column["field"].startswith(ATTRIBUTE) and column["field"].removeprefix(ATTRIBUTE) not in known:
        is_code = not _CODES.isdisjoint(plain_header(column["header"]).split())
        column["kind"] = FieldKind.TEXT.value if is_code else guess_kind(shown).value


def _values_by_column(width: int, sample: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[cells[position] for cells in sample if position < len(cells)] for position in range(width)]


def _label_of_new_field(column: Column) -> str:
    key = column["field"].removeprefix(ATTRIBUTE)
    label = column["header"] if attribute_field(column["header"]) == column["field"] else key.replace("_", " ")
    return label[:80]


def _header_key(header: str) -> str:
    return plain_header(header)[:MAX_HEADER_CHARACTERS]


def plain_header(header: str) -> str:
    """Lower case without accents, words apart by one space."""
    decomposed = unicodedata.normalize("NFKD", header.casefold())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(_SEPARATORS.sub(" ", letters).split())


def _attribute_key(header: str) -> str:
    """A key as ContactField takes it, and merge tags can use it; "" when the header has no Latin letter or digit."""
    key = _NOT_OF_KEYS.sub("_", plain_header(header)).strip("_")
    if key[:1].isdigit():
        key = f"field_{key}"
    return key[:40].strip("_")
