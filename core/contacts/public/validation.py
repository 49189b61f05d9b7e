"""What a signup form asks for, and what of an answer counts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.common.errors import DomainError
from core.contacts.addresses import MAX_CHARACTERS, Address, normalise_address
from core.contacts.choices import FieldKind
from core.contacts.custom_values import parse_value
from core.contacts.errors import BadAddress
from core.contacts.models import Contact, ContactField, SignupForm
from core.contacts.public.wording import Wording
from core.contacts.services.signups import ATTRIBUTE

CONTACT_FIELDS = ("first_name", "last_name", "company", "phone")
"""Fields of the contact that a form may ask for, in the order people are used to."""
HONEYPOT = "fax_number"
"""A field that people do not see. Its name is none that a browser fills in by itself."""
STAMP = "stamp"
AGREE = "agree"
LONGEST_TEXT = 500
_AUTOCOMPLETE = {"first_name": "given-name", "last_name": "family-name", "company": "organization", "phone": "tel"}
_LONGEST = {
    name: column.max_length or LONGEST_TEXT
    for column in Contact._meta.concrete_fields
    if (name := column.name) in CONTACT_FIELDS
}
_INPUT_TYPES = {
    FieldKind.TEXT: "text",
    FieldKind.NUMBER: "number",
    FieldKind.DATE: "date",
    FieldKind.BOOLEAN: "checkbox",
    FieldKind.CHOICE: "select",
}
# C0, DEL and C1: no name holds them, and PostgreSQL stores no NUL.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class AskedField:
    """One question. `key` is that of SignupForm.asked_fields and the name of the input; `custom` its own definition."""

    key: str
    label: str
    type: str
    autocomplete: str = "off"
    max_length: int = LONGEST_TEXT
    choices: tuple[str, ...] = ()
    custom: ContactField | None = None

    @property
    def html_id(self) -> str:
        return f"f-{self.key.replace('.', '-')}"


@dataclass(frozen=True)
class Answer:
    """`typed` is shown again beside `errors` (by input name); without errors `address` and `values` count."""

    typed: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    address: Address | None = None


def asked_fields(form: SignupForm, words: Wording) -> list[AskedField]:
    """The form's questions besides the address, in their order. A custom field that was deleted is left out."""
    keys = [key.removeprefix(ATTRIBUTE) for key in form.asked_fields if key.startswith(ATTRIBUTE)]
    rows = ContactField.objects.filter(organization_id=form.organization_id, key__in=keys) if keys else ()
    custom = {ATTRIBUTE + row.key: _custom(row) for row in rows}
    asked = {**{key: _standard(key, words) for key in CONTACT_FIELDS}, **custom}
    return [asked[key] for key in form.asked_fields if key in asked]


def _standard(key: str, words: Wording) -> AskedField:
    return AskedField(
        key=key,
        label=words.of_field(key),
        type="tel" if key == "phone" else "text",
        autocomplete=_AUTOCOMPLETE[key],
        max_length=_LONGEST[key],
    )


def _custom(row: ContactField) -> AskedField:
    return AskedField(
        key=ATTRIBUTE + row.key,
        label=row.label,
        type=_INPUT_TYPES[FieldKind(row.kind)],
        choices=tuple(row.choices),
        custom=row,
    )


def read_answer(asked: Sequence[AskedField], posted: Mapping[str, Any], words: Wording) -> Answer:
    """Check what was posted (names to texts). No query."""
    typed = {name: _cleaned(posted.get(name, "")) for name in ("email", AGREE, *(item.key for item in asked))}
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    address = _address(typed["email"], words, errors)
    for item in asked:
        if typed[item.key]:
            _read_value(item, typed[item.key], words, values, errors)
    if typed[AGREE] != "yes":
        errors[AGREE] = words.agree_needed
    return Answer(typed=typed, values=values, errors=errors, address=address)


def _cleaned(text: Any) -> str:
    """One line without control characters, cut where nothing real is that long."""
    return _CONTROLS.sub(" ", str(text)[: 4 * LONGEST_TEXT]).strip()


def _address(text: str, words: Wording, errors: dict[str, str]) -> Address | None:
    try:
        return normalise_address(text[: MAX_CHARACTERS + 1])
    except BadAddress:
        errors["email"] = words.email_wrong if text else words.email_needed
        return None


def _read_value(item: AskedField, text: str, words: Wording, values: dict[str, Any], errors: dict[str, str]) -> None:
    if len(text) > item.max_length:
        errors[item.key] = words.too_long
    elif item.custom is None:
        values[item.key] = text
    elif item.type == "checkbox":
        values[item.key] = True
    else:
        try:
            values[item.key] = parse_value(item.custom, text)
        except DomainError:
            errors[item.key] = _problem(item, words)


def _problem(item: AskedField, words: Wording) -> str:
    """In the form's language; the sentences of parse_value are for staff."""
    return {"number": words.bad_number, "date": words.bad_date, "select": words.bad_choice}.get(
        item.type, words.too_long
    )
