"""Files into parts, columns guessed, rows validated."""

import io
from itertools import chain

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts.choices import FieldKind
from core.contacts.custom_values import FieldDefinition
from core.contacts.errors import BadColumns
from core.contacts.imports.columns import (
    Column,
    attribute_field,
    check_columns,
    create_missing_fields,
    guess_columns,
    remember_columns,
    remembered_columns,
)
from core.contacts.imports.files import Row
from core.contacts.imports.parts import PART_BYTES, PART_ROWS, Part, _tidied, read_parts, write_parts
from core.contacts.imports.reading import opened_table, read_upload
from core.contacts.imports.rows import RowParser
from core.contacts.models import ContactField, ContactImport, ImportPart
from tests.contacts.messy import GOOD_ROWS, messy_file, workbook


def draft(organization: Organization, content: bytes) -> ContactImport:
    contact_import = ContactImport.objects.create(organization=organization, file_name="list.csv")
    read_upload(contact_import, io.BytesIO(content))
    contact_import.save()
    return contact_import


def columns(*fields: str) -> list[Column]:
    return [Column(header=field, field=field) for field in fields]


# Parts


def test_read_upload_messy_file_takes_every_good_row(in_florist: Organization) -> None:
    messy = messy_file()
    contact_import = draft(in_florist, messy.content)
    assert (contact_import.rows_total, contact_import.encoding, contact_import.delimiter) == (messy.rows, "utf-8", ",")
    parsed = list(map(RowParser(contact_import.columns).parse, read_parts(contact_import)))
    refused = {row.row_number for part in parsed for row in part.refused}
    # Repeated addresses are found by the run: here they are good rows.
    assert refused < messy.bad_rows
    assert sum(map(len, parsed)) == messy.rows - len(refused) == GOOD_ROWS + 10


def test_write_parts_many_rows_are_cut_by_number_and_by_size(in_florist: Organization) -> None:
    contact_import = ContactImport.objects.create(organization=in_florist, file_name="x")
    big = "é" * 900_000
    rows = chain((Row(2 + n, ["a", "b"]) for n in range(PART_ROWS + 1)), (Row(9_000 + n, ["a", big]) for n in range(5)))
    assert write_parts(contact_import, rows, 2) == PART_ROWS + 6
    parts = list(ImportPart.objects.order_by("number"))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert all(len(part.content) <= PART_BYTES and part.row_count <= PART_ROWS for part in parts)
    read = list(read_parts(contact_import))
    assert [len(part) for part in read] == [part.row_count for part in parts]
    assert [number for part in read for number in part.numbers][-5:] == [9_000, 9_001, 9_002, 9_003, 9_004]


def test_write_parts_row_larger_than_a_part_is_one_of_its_own(in_florist: Organization) -> None:
    contact_import = ContactImport.objects.create(organization=in_florist, file_name="x")
    rows = iter([Row(2, ["a"]), Row(3, ["é" * 1_900_000 + "\x01" * 200_000]), Row(4, ["c"])])
    assert write_parts(contact_import, rows, 1) == 3
    assert [part.numbers for part in read_parts(contact_import)] == [[2], [3], [4]]


def test_read_parts_from_the_middle_keeps_problems_at_their_rows(in_florist: Organization) -> None:
    contact_import = ContactImport.objects.create(organization=in_florist, file_name="x")
    rows = (Row(n + 2, [str(n)], "Damaged." if n % 1_000 == 7 else "") for n in range(PART_ROWS + 10))
    write_parts(contact_import, rows, 1)
    (part, last) = read_parts(contact_import, after_row_index=4_005)
    assert (part.number, part.numbers[0], part.rows[0], part.problems) == (0, 4_007, ["4005"], {2: "Damaged."})
    assert (last.number, last.problems) == (1, {7: "Damaged."})
    assert [part.number for part in read_parts(contact_import, after_row_index=PART_ROWS)] == [1]


def test_read_parts_other_organization_gets_nothing(in_florist: Organization, museum: Organization) -> None:
    contact_import = draft(in_florist, b"email\na@x.example\n")
    with organization_scope(museum):
        assert list(read_parts(contact_import)) == []


# Columns


def test_guess_columns_spanish_headers_are_known_and_ids_are_not_taken() -> None:
    header = ["ID", "Correo electrónico", "Nombre", "Apellidos", "Teléfono", "Empresa", "Ciudad natal", "Status"]
    fields = [column["field"] for column in guess_columns(header, [])]
    assert fields == ["", "email", "first_name", "last_name", "phone", "company", "attributes.ciudad_natal", ""]


def test_guess_columns_content_says_types_of_new_fields_and_how_they_are_written() -> None:
    header = ["email", "spend", "born", "vip", "city", "zip code", "card"]
    sample = [
        ["a@x.example", "12,5", "12/31/1990", "sí", "Vigo", "28001", "4000000000000002"],
        ["b@x.example", "1.234", "01/02/1991", "no", "7", "28002", "4000000000000010"],
    ]
    guessed = {column["header"]: column for column in guess_columns(header, sample)}
    kinds = [guessed[name].get("kind") for name in header]
    assert kinds == [None, "number", "date", "boolean", "text", "text", "text"]
    assert guessed["spend"].get("hints") == ["decimal_comma"]
    assert guessed["born"].get("hints") == ["month_first"]


def test_guess_columns_existing_field_is_found_by_its_label() -> None:
    known = FieldDefinition("favourite", "Lieblingsblume", FieldKind.CHOICE, ["Rose"])
    (_email, flower) = guess_columns(["email", "lieblingsblume"], [], fields=[known])
    assert flower == {"header": "lieblingsblume", "field": "attributes.favourite"}


def test_remember_columns_next_file_begins_with_the_choices(in_florist: Organization, museum: Organization) -> None:
    first = draft(in_florist, b"Mail,Kunde,Nombre,Note\na@x.example,Ana,x,y\n")
    first.columns = columns("email", "first_name", "", "attributes.remark")
    for column, header in zip(first.columns, ["Mail", "Kunde", "Nombre", "Note"], strict=True):
        column["header"] = header
    remember_columns(first)
    remember_columns(first)
    again = draft(in_florist, b"NOTE,kunde,nombre,mail\ny,Ana,x,a@x.example\n")
    assert [column["field"] for column in again.columns] == ["attributes.remark", "first_name", "", "email"]
    assert all(column["is_remembered"] for column in again.columns)
    with organization_scope(museum):
        assert remembered_columns(museum.pk, ["Kunde"]) == {}


def test_create_missing_fields_twice_makes_each_once(in_florist: Organization) -> None:
    ContactField.objects.create(organization=in_florist, key="city", label="Town")
    contact_import = draft(in_florist, "email,City,Ausgaben €\na@x.example,Vigo,12.5\n".encode())
    create_missing_fields(contact_import)
    create_missing_fields(contact_import)
    made = list(ContactField.objects.order_by("key").values_list("key", "label", "kind"))
    assert made == [("ausgaben", "Ausgaben €", "number"), ("city", "Town", "text")]


@pytest.mark.parametrize(
    ("header", "field"),
    [("Größe (cm)", "grosse_cm"), ("2024 spend", "field_2024_spend"), ("Имя", "field"), ("a" * 60, "a" * 40)],
)
def test_attribute_field_any_header_gives_a_key(header: str, field: str) -> None:
    assert attribute_field(header) == f"attributes.{field}"


def test_check_columns_without_or_with_two_addresses_is_refused() -> None:
    with pytest.raises(BadColumns, match="holds the email"):
        check_columns([{"header": "a", "field": ""}])
    with pytest.raises(BadColumns, match="both go to"):
        check_columns([{"header": "a", "field": "email"}, {"header": "b", "field": "email"}])
    with pytest.raises(BadColumns, match="no field"):
        check_columns([{"header": "a", "field": "email"}, {"header": "b", "field": "status"}])
    with pytest.raises(BadColumns, match="cannot be the name"):
        check_columns([{"header": "a", "field": "email"}, {"header": "b", "field": "attributes.A'; --"}])


# Rows


def test_parse_values_are_typed_and_lists_stay_parallel() -> None:
    fields = [
        FieldDefinition("spend", "Lifetime value", FieldKind.NUMBER),
        FieldDefinition("size", "Size", FieldKind.CHOICE, ["S", "L"]),
    ]
    parser = RowParser(
        columns("email", "first_name", "time_zone", "language", "phone", "attributes.spend", "attributes.size"),
        fields=fields,
        phone_region="ES",
    )
    rows = [
        ["Info@Shop.example", "Ana  María\n", "Europe/Madrid", "es_MX", "600 123 456", "1,234.50", "l"],
        ["bad", "x", "", "", "", "", ""],
        ["b@mailinator.com", "", "Madrid", "", "", "", ""],
        ["c@x.example", "", "", "", "ask Ana", "abc", ""],
        ["d@x.example", "", "", "spanisch", "", "", ""],
        ["e@mailinator.com", "", "", "", "ask Ana", "0", ""],
        ["f@x.example", "y" * 101, "", "", "", "", ""],
        ["g@x.example", "", "", "", "", "", "XL"],
    ]
    part = parser.parse(Part(0, list(range(2, 10)), rows))
    assert part.row_numbers == [2, 7]
    assert part.emails == ["Info@shop.example", "e@mailinator.com"]
    assert part.email_keys == ["info@shop.example", "e@mailinator.com"]
    assert (part.is_role, part.is_disposable) == ([True, False], [False, True])
    assert part.texts["first_name"] == ["Ana María", ""]
    assert part.texts["language"] == ["es-MX", ""]
    assert part.texts["phone"] == ["600 123 456", "ask Ana"]
    assert part.phone_e164 == ["+34600123456", ""]
    assert part.attributes == [{"spend": 1234.5, "size": "L"}, {"spend": 0}]
    assert [row.reason for row in part.refused] == [
        "“bad”: the address is missing an @.",
        "“Madrid” is no time zone. Write it like Europe/Madrid.",
        "“abc” is no number: Lifetime value takes numbers like 1234.50.",
        "“spanisch” is no language code. Write it like es or es-MX.",
        "First name is longer than 100 characters.",
        "“XL” is not on the list of Size: S, L.",
    ]
    assert len({len(values) for values in (part.emails, part.address_hashes, part.attributes, part.phone_e164)}) == 1


def test_parse_part_of_problems_only_refuses_them_all() -> None:
    part = RowParser(columns("email")).parse(Part(0, [5], [["x", "y"]], {0: "Damaged."}))
    assert (len(part), part.refused) == (0, [(5, ["x", "y"], "Damaged.")])


def test_parse_cells_of_refused_rows_are_cut() -> None:
    part = RowParser(columns("email", "")).parse(Part(0, [2], [["x", "y" * 5_000]]))
    assert [len(cell) for cell in part.refused[0].cells] == [1, 1_000]


# Streams


class _Endless(io.RawIOBase):
    """A file of 4 MB that is made while it is read, and remembers how far it was asked for at once."""

    size = 4 * 1024**2

    def __init__(self) -> None:
        self.position = self.largest_read = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = offset if whence == 0 else self.size + offset
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "a file must be read in blocks"
        self.largest_read = max(self.largest_read, size)
        size = min(size, self.size - self.position)
        line = b"a@x.example,Ana\n"
        start = self.position % len(line)
        self.position += size
        return (line * (size // len(line) + 2))[start : start + size]


def test_opened_table_large_text_is_read_in_blocks() -> None:
    file = _Endless()
    with opened_table(file) as table:  # type: ignore[arg-type]
        count = sum(1 for _row in table.rows())
    assert count == file.size // 16
    assert file.largest_read <= 1024**2


def test_opened_table_workbook_left_early_ends_its_process() -> None:
    rows = [["email", "name"], *([f"p{n}@x.example", "x" * 500] for n in range(3_000))]
    with opened_table(io.BytesIO(workbook(*rows))) as table:
        assert next(iter(table.rows())).cells[0] == "p0@x.example"


_PIECES = [
    *"\0\n\r\t,;\"\\ '[{]}é\ufeff",
    "a@x.example",
    "email",
    "\r\n",
    "=1+1",
    "sep=",
    '"a":',
    "<html>",
    "PK\x03\x04",
]


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.sampled_from(_PIECES), max_size=60).map(lambda pieces: "".join(pieces).encode()),
    )
)
@example(b'email\n"')
@example(b'"\n"\n"\n')
@example(b"\xff\xfe")
@example(b"\xff\xfea")
@example(b"\x1f\x8b")
@example(b"PK\x03\x04" + b"\0" * 40)
@example(b"[")
@example(b'{"')
def test_any_bytes_give_rows_or_a_sentence(content: bytes) -> None:
    try:
        with opened_table(io.BytesIO(content)) as table:
            rows = list(table.rows())
            guessed = guess_columns(table.header, [row.cells for row in rows])
        check_columns(guessed)
        part = RowParser(guessed).parse(_as_part(rows, len(guessed)))
        for row in part.refused:
            "".join([row.reason, *row.cells]).encode()
        for values in (part.emails, *part.texts.values()):
            assert "\0" not in "".join(values).encode().decode()
    except DomainError as error:
        assert str(error)


def _as_part(rows: list[Row], width: int) -> Part:
    part = Part()
    for row, index in zip(rows, range(len(rows)), strict=True):
        cells, problem, _length = _tidied(row, width)
        part.numbers.append(row.number)
        part.rows.append(cells)
        part.problems |= {index: problem} if problem else {}
    return part
