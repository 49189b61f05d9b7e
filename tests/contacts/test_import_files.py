"""Reading tables out of files in every state."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.common.errors import DomainError
from core.contacts.errors import BadColumns, UnreadableFile
from core.contacts.imports.columns import check_columns, guess_columns
from core.contacts.imports.files import open_table
from core.contacts.imports.rows import ParsedRow, Refused, RowParser

TEXT = "Email,Name,City\nanna@x.example,José,Ávila\nberta@x.example,Núria,Köln\n"


def _parsed(content: bytes) -> list[ParsedRow | Refused]:
    table = open_table(content)
    columns = guess_columns(table.header, [row.cells for row in table.rows()])
    check_columns(columns)
    return list(map(RowParser(columns).parse, table.rows()))


def _names(content: bytes) -> list[str]:
    return [row.texts[0] if isinstance(row, ParsedRow) else row.reason for row in _parsed(content)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_open_table_encoding_is_found_out(encoding: str) -> None:
    assert _names(TEXT.encode(encoding)) == ["José", "Núria"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_open_table_delimiter_is_found_out(delimiter: str) -> None:
    assert _names(TEXT.replace(",", delimiter).encode()) == ["José", "Núria"]


@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n\n"])
def test_open_table_newlines_of_every_kind_are_read(newline: str) -> None:
    assert _names(TEXT.replace("\n", newline).encode()) == ["José", "Núria"]


def test_open_table_mixed_newlines_and_nuls_are_read() -> None:
    assert _names(b"Email,Name\ra@x.example,An\0na\r\nb@x.example,Bo\n\nc@x.example,Cy") == ["Anna", "Bo", "Cy"]


def test_open_table_without_a_header_keeps_the_first_row() -> None:
    rows = _parsed(b"anna@x.example;Anna\nberta@x.example;Berta\n")
    assert [row.email for row in rows if isinstance(row, ParsedRow)] == ["anna@x.example", "berta@x.example"]
    assert [row.row_number for row in rows] == [1, 2]


def test_open_table_duplicate_headers_become_distinct() -> None:
    table = open_table(b"Email,Note,Note,\na@x.example,1,2,3\n")
    assert table.header == ("Email", "Note", "Note (2)", "Column 4")


def test_open_table_300_columns_are_read() -> None:
    header = ",".join(["email", *(f"field {n}" for n in range(299))])
    rows = _parsed(f"{header}\na@x.example{',v' * 299}\n".encode())
    assert [row.email for row in rows if isinstance(row, ParsedRow)] == ["a@x.example"]


def test_rows_ragged_rows_short_is_taken_wide_is_refused() -> None:
    rows = _parsed(b"email,first name,city\na@x.example\nb@x.example,B,Vigo,,\nc@x.example,C,Vigo,surplus\n")
    assert [type(row) for row in rows] == [ParsedRow, ParsedRow, Refused]
    assert "5 cells" not in rows[2].reason and "4 cells" in rows[2].reason  # type: ignore[union-attr]


def test_rows_huge_cell_is_refused_alone() -> None:
    content = f"email,first name\na@x.example,{'x' * 1_000_000}\nb@x.example,Bo\nc@x.example,{'y' * 3_000_000}\n"
    rows = _parsed(content.encode())
    assert [isinstance(row, Refused) for row in rows] == [True, False, True]


def test_rows_unclosed_quotation_mark_costs_only_its_own_row() -> None:
    content = 'email,first name\na@x.example,"Anna\n' + "".join(f"b{n}@x.example,B\n" for n in range(200))
    rows = _parsed(content.encode())
    assert len(rows) == 201
    assert [row.row_number for row in rows if isinstance(row, Refused)] == [2]


def test_rows_quoted_cell_over_several_lines_is_one_row() -> None:
    rows = _parsed(b'email,note\na@x.example,"two\nlines, and ""quotes"""\nb@x.example,x\n')
    assert rows[0].attributes == {"note": 'two\nlines, and "quotes"'}  # type: ignore[union-attr]
    assert len(rows) == 2


def test_rows_other_encoding_is_refused_and_kept_readable() -> None:
    content = TEXT.encode() + "c@x.example,Jos\xe9,Vigo\n".encode("latin-1")
    refused = _parsed(content)[2]
    assert isinstance(refused, Refused)
    assert "another encoding" in refused.reason
    assert refused.cells == ["c@x.example", "José", "Vigo"]


def test_rows_same_address_in_other_case_names_the_first_row() -> None:
    rows = _parsed(b"email\nanna@x.example\nbo@x.example\nANNA@X.example\n")
    assert rows[2].reason == "“ANNA@x.example” is the same address as row 2."  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\x89PNG\r\n", "picture"),
        (bytes(range(1, 32)) * 40, "no text file"),
        (b"," * 600 + b"\n", "empty|columns"),
        (b"h," * 600 + b"\n", "columns"),
    ],
)
def test_open_table_what_is_no_table_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        open_table(content)


def test_guess_columns_spanish_headers_are_known_and_ids_are_not_taken() -> None:
    header = ["ID", "Correo electrónico", "Nombre", "Apellidos", "Teléfono", "Empresa", "Ciudad natal", "Status"]
    fields = [column["field"] for column in guess_columns(header, [])]
    assert fields == ["", "email", "first_name", "last_name", "phone", "company", "attributes.ciudad_natal", ""]


def test_check_columns_without_or_with_two_addresses_is_refused() -> None:
    with pytest.raises(BadColumns, match="holds the email"):
        check_columns([{"header": "a", "field": ""}])
    with pytest.raises(BadColumns, match="both go to"):
        check_columns([{"header": "a", "field": "email"}, {"header": "b", "field": "email"}])
    with pytest.raises(BadColumns, match="no field"):
        check_columns([{"header": "a", "field": "email"}, {"header": "b", "field": "status"}])


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=400), st.text('a@x.é",;\n\r\t\0 ', max_size=200).map(lambda text: text.encode())))
@example(b'email\n"')
@example(b'"\n"\n"\n')
@example(b"\xff\xfe")
@example(b"\xff\xfea")
def test_any_bytes_give_rows_or_a_sentence(content: bytes) -> None:
    try:
        table = open_table(content)
        columns = guess_columns(table.header, [row.cells for row in table.rows()])
        check_columns(columns)
        for row in map(RowParser(columns).parse, table.rows()):
            "".join([row.reason, *row.cells] if isinstance(row, Refused) else [row.email, *row.texts]).encode()
    except DomainError as error:
        assert str(error)
