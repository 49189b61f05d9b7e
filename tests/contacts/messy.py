"""Lists as clients send them: one long file with known bad rows, and every kind of ugly file, built by code."""

import datetime
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter

GOOD_ROWS = 4_960


@dataclass(frozen=True)
class MessyFile:
    content: bytes
    rows: int
    bad_rows: frozenset[int]


def messy_file() -> MessyFile:
    """UTF-8 with accents; every 125th row is bad: no address, a repeat in other case, Latin-1 bytes, or too wide."""
    lines = ["Correo electrónico,Nombre,Apellidos,Ciudad,id".encode()]
    bad: set[int] = set()
    for index in range(5_000):
        number = index + 2
        address = f"persona{index}@correo{index % 40}.example"
        if index % 125 == 124:
            bad.add(number)
            lines.append(_bad_line(len(bad) % 4, index))
        else:
            lines.append(f"{address},José {index},Núñez,Ávila,{index}".encode())
    return MessyFile(content=b"\r\n".join(lines) + b"\r\n", rows=5_000, bad_rows=frozenset(bad))


def _bad_line(kind: int, index: int) -> bytes:
    earlier = index - 1
    return (
        f"persona{index},José,Núñez,Ávila,1".encode(),
        f"PERSONA{earlier}@Correo{earlier % 40}.example,José,Núñez,Ávila,1".encode(),
        f"persona{index}@correo.example,Jos\xe9,N\xfa\xf1ez,Vigo,1".encode("latin-1"),
        f"persona{index}@correo.example,José,Núñez,Ávila,1,extra,cells".encode(),
    )[kind]


@dataclass(frozen=True)
class Ugly:
    """What comes of an ugly file: contacts as (address, first name), refused rows by number with words of the reason,
    and the custom fields of the first contact; or words of the sentence by which the whole file is refused."""

    name: str
    build: Callable[[], bytes]
    people: Sequence[tuple[str, str]] = ()
    refused: dict[int, str] = field(default_factory=dict)
    attributes: dict[str, Any] | None = None
    sentence: str = ""


ANA, BO, CY = ("a@x.example", "Ana"), ("b@x.example", "Bo"), ("c@x.example", "Cy")
JOSE, NURIA = ("a@x.example", "José"), ("b@x.example", "Núria")
PLAIN = "email,first name\na@x.example,Ana\nb@x.example,Bo\n"
ACCENTS = "Correo,Nombre,Ciudad\na@x.example,José,Ávila\nb@x.example,Núria,Cádiz\n"


def _text(name: str, content: str | bytes, people: Sequence[tuple[str, str]] = (ANA, BO), **expected: Any) -> Ugly:
    return Ugly(name, lambda: content.encode() if isinstance(content, str) else content, people, **expected)


def workbook(*rows: Sequence[Any], sheets: Sequence[tuple[str, Sequence[Sequence[Any]], bool]] = ()) -> bytes:
    """An XLSX of these rows; `sheets` are further ones before it: name, rows, hidden."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        for name, content, is_hidden in (*sheets, ("List", rows, False)):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(content):
                sheet.write_row(number, 0, row)
            if is_hidden:
                sheet.hide()
        book.get_worksheet_by_name("List").activate()
        book.get_worksheet_by_name("List").set_first_sheet()
    return target.getvalue()


def zipped(**files: bytes | str) -> bytes:
    return zipped_names(files)


def zipped_names(files: dict[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


_SHEET_NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def raw_workbook(
    sheet: str, *, prolog: str = "", shared: str = "", more: dict[str, bytes | str] | None = None
) -> bytes:
    """An XLSX whose sheet data is written by hand."""
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    files: dict[str, bytes | str] = {
        "[Content_Types].xml": f'{head}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}.sharedStrings+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook {_SHEET_NAMESPACE} xmlns:r="{office}"><sheets>'
        '<sheet name="List" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/sharedStrings.xml": f"{head}{prolog}<sst {_SHEET_NAMESPACE}>{shared}</sst>",
        "xl/worksheets/sheet1.xml": f"{head}{prolog}<worksheet {_SHEET_NAMESPACE}><sheetData>{sheet}</sheetData>"
        "</worksheet>",
    }
    return zipped_names(files | (more or {}))


def inline_rows(*rows: Sequence[str]) -> str:
    """Sheet data with the texts in the cells; a cell that begins with < is taken as it is."""
    written = []
    for number, row in enumerate(rows, start=1):
        cells = [
            cell
            if cell.startswith("<")
            else f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            for at, cell in enumerate(row)
        ]
        written.append(f'<row r="{number}">{"".join(cells)}</row>')
    return "".join(written)


def opendocument(*rows: str) -> bytes:
    """An ODS whose table rows are written by hand."""
    namespaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"), ("calcext", "calcext"))
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {namespaces} office:version="1.2">'
        '<office:body><office:spreadsheet><table:table table:name="List">'
        f"{''.join(rows)}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="x"/></manifest:manifest>'
    )
    return zipped_names(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": manifest,
        }
    )


def ods_row(*cells: str, repeated: int = 1) -> str:
    written = "".join(
        cell
        if cell.startswith("<")
        else f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
        for cell in cells
    )
    return f'<table:table-row table:number-rows-repeated="{repeated}">{written}</table:table-row>'


def _bomb(size: int) -> bytes:
    return b"a@x.example,Ana\n" * (size // 16)


def _lying_zip() -> bytes:
    """A zip whose directory says that its file is small."""
    content = zipped_names({"list.csv": _bomb(64 * 1024**2)})
    directory = content.rindex(b"PK\x01\x02")
    return content[: directory + 24] + struct.pack("<I", 1_000) + content[directory + 28 :]


_LAUGHS = "<!DOCTYPE sst [<!ENTITY a0 'lol'>{}]>".format(
    "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
)
_EXTERNAL = "<!DOCTYPE sst [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
_BIG = "x" * 1_000_000


def _encodings() -> list[Ugly]:
    people = (JOSE, NURIA)
    files = [
        _text(f"encoding_{encoding}", ACCENTS.encode(encoding), people)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252")
    ]
    russian = "email,имя,first name\na@x.example,Анна Иванова из Москвы,Анна\nb@x.example,Борис Петров из Тулы,Борис\n"
    return [
        *files,
        _text("encoding_utf-16-be_with_mark", b"\xfe\xff" + ACCENTS.encode("utf-16-be"), people),
        _text("encoding_utf-32-be_with_mark", b"\x00\x00\xfe\xff" + ACCENTS.encode("utf-32-be"), people),
        _text(
            "encoding_mac_roman",
            ("email,first name,note\n" + "a@x.example,José,“¿Qué tal, señor Muñoz?”\n" * 20)
            .replace(", señor", " señor")
            .encode("mac_roman"),
            (JOSE,) * 20,
        ),
        _text("encoding_cyrillic", russian.encode(), [("a@x.example", "Анна"), ("b@x.example", "Борис")]),
        _text(
            "encoding_mixed",
            (ACCENTS + "d@x.example,Íñigo,Vigo\n").encode() + "c@x.example,Jos\xe9,Vigo\n".encode("latin-1"),
            (*people, ("d@x.example", "Íñigo")),
            refused={5: "another encoding"},
        ),
        _text("bom_within_quotes", '\ufeff"email","first name"\n"a@x.example","Ana"\n', [ANA]),
        _text("cut_in_utf-16", ACCENTS.encode("utf-16")[:-1], [JOSE], refused={3: "damaged"}),
    ]


def _lines_and_quotes() -> list[Ugly]:
    return [
        _text("newlines_windows", PLAIN.replace("\n", "\r\n")),
        _text("newlines_old_mac", PLAIN.replace("\n", "\r")),
        _text("newlines_doubled", PLAIN.replace("\n", "\n\n")),
        _text(
            "newlines_mixed", "email,first name\ra@x.example,Ana\r\n\r\nb@x.example,Bo\n\nc@x.example,Cy", (ANA, BO, CY)
        ),
        _text("no_newline_at_the_end", PLAIN.rstrip()),
        _text("nul_bytes", b"email,first name\na@x.example,An\0a\n\0b@x.example,Bo\0\n"),
        _text("control_characters", "email,first name\na@x.example,A\x07n\x1ba\nb@x.example,\x02Bo\x7f\n"),
        _text("unclosed_quote", 'email,first name\na@x.example,"Ana\nb@x.example,Bo\n', [BO], refused={2: "quotation"}),
        _text(
            "unclosed_quote_far_from_the_end",
            'email,first name\na@x.example,"Ana\n' + "b@x.example,Bo\n" * 200,
            [BO] * 200,
            refused={2: "quotation"},
        ),
        _text("unclosed_quote_at_the_end", PLAIN + 'c@x.example,"Cy', refused={4: "quotation"}),
        _text("quotes_doubled", 'email,first name\na@x.example,"A ""n"" a"\n', [("a@x.example", 'A "n" a')]),
        _text("quotes_backslashed", 'email,first name\na@x.example,"A \\"n\\", a"\n', [("a@x.example", 'A "n", a')]),
        _text(
            "quote_within_a_cell",
            'email,first name\na@x.example,Ana "la bella" B\n',
            [("a@x.example", 'Ana "la bella" B')],
        ),
        _text(
            "quoted_cell_of_two_lines",
            'email,first name,note\na@x.example,Ana,"two\nlines, and ""quotes"""\nb@x.example,Bo,x\n',
            attributes={"note": 'two\nlines, and "quotes"'},
        ),
        _text("everything_quoted", '"email";"first name"\n"a@x.example";"Ana"\n"b@x.example";"Bo"\n'),
        _text("emoji", "email,first name\na@x.example,Ana 🌸👩‍👩‍👧\n", [("a@x.example", "Ana 🌸👩‍👩‍👧")]),
        _text(
            "right_to_left",
            "email,first name\na@x.example,אנה\nb@x.example,آنا\n",
            [("a@x.example", "אנה"), ("b@x.example", "آنا")],
        ),
    ]


def _shapes() -> list[Ugly]:
    wide = ",".join(["email", *(f"field {number}" for number in range(299))])
    people = ((ANA[0], ""),)
    return [
        _text(
            "ragged_rows",
            "email,first name,city\na@x.example\nb@x.example,Bo,Vigo,,\nc@x.example,Cy,Vigo,surplus\n",
            [(ANA[0], ""), BO],
            refused={4: "4 cells"},
        ),
        _text(
            "duplicate_headers",
            "Email,First name,Note,Note\na@x.example,Ana,1 a,2 b\n",
            [ANA],
            attributes={"note": "1 a", "note_2": "2 b"},
        ),
        _text("two_columns_of_addresses", "Email,Email,First name\na@x.example,z@x.example,Ana\n", [ANA]),
        _text("empty_header_cells", "Email,,First name,\na@x.example,odd,Ana,\n", [ANA], attributes={}),
        _text("columns_300", f"{wide}\na@x.example{',v' * 299}\n", people),
        _text("columns_600", "h," * 600 + "\n", sentence="601 columns"),
        _text("cell_of_1_mb_left_out", f"email,first name,id\na@x.example,Ana,{_BIG}\nb@x.example,Bo,1\n"),
        _text(
            "cell_of_1_mb_in_a_name",
            f"email,first name\na@x.example,{_BIG}\nb@x.example,Bo\n",
            [BO],
            refused={2: "longer than 100"},
        ),
        _text(
            "cell_of_5_mb",
            f"email,first name\na@x.example,{_BIG * 5}\nb@x.example,Bo\n",
            [BO],
            refused={2: "longer than"},
        ),
        _text(
            "line_of_9_mb_without_end",
            f"email,first name\na@x.example,Ana\nb@x.example,{'y,' * 4_500_000}",
            [ANA],
            refused={3: "longer than"},
        ),
        _text("many_addresses_without_header", "a@x.example;Ana\nb@x.example;Bo\n", [(ANA[0], ""), (BO[0], "")]),
        _text(
            "header_repeated",
            "email,first name\na@x.example,Ana\nEmail,First name\nb@x.example,Bo\n",
            refused={3: "repeats the header"},
        ),
        _text("leading_blank_lines", "\n\n  \n" + PLAIN),
        _text("title_above_the_header", "Clientes de la tienda 2026\n\n" + PLAIN),
        _text("trailing_delimiter", PLAIN.replace("\n", ",\n")),
        _text("blank_rows_of_delimiters", PLAIN + ",\n , \n"),
        _text("separator_said", "sep=;\nemail;first name\na@x.example;Ana\nb@x.example;Bo\n"),
        _text("separator_said_is_odd", "sep=^\nemail^first name\na@x.example^Ana\nb@x.example^Bo\n"),
        _text(
            "semicolons_with_decimal_commas",
            "email;first name;spend\na@x.example;Ana;1.234,50\nb@x.example;Bo;12,5\n",
            attributes={"spend": 1234.5},
        ),
        _text("tabs", PLAIN.replace(",", "\t")),
        _text("bars", PLAIN.replace(",", "|")),
        _text("one_column", "email\na@x.example\nb@x.example\n", [(ANA[0], ""), (BO[0], "")]),
        _text(
            "dates_month_first",
            "email,born\na@x.example,12/31/1990\nb@x.example,01/02/1991\n",
            [(ANA[0], ""), (BO[0], "")],
            attributes={"born": "1990-12-31"},
        ),
        _text("empty", "", sentence="empty"),
        _text("only_white_space", " \n\t\n  ", sentence="empty"),
        _text("only_a_mark", b"\xef\xbb\xbf", sentence="empty"),
        _text("header_only", "email,first name\n", sentence="no rows below"),
        _text("no_addresses_at_all", "color,size\nred,1\n", people=(), sentence="holds the email"),
    ]


def _addresses() -> list[Ugly]:
    def of(name: str, cell: str, address: str = "a@x.example") -> Ugly:
        return _text(f"address_{name}", f'email,first name\n"{cell}",Ana\n', [(address, "Ana")])

    def bad(name: str, cell: str, words: str) -> Ugly:
        return _text(f"address_{name}", f'email,first name\n"{cell}",Ana\nb@x.example,Bo\n', [BO], refused={2: words})

    return [
        of("zero_width", "\u200ba@x\u200b.example\ufeff"),
        of("nbsp", "\xa0a@x.example\xa0"),
        of("mailto", "mailto:a@x.example?subject=x"),
        of("named", "Ana Gil <a@x.example>"),
        of("named_in_quotes", '""Gil, Ana"" <a@x.example>'),
        of("trailing_dot", "a@x.example."),
        of("trailing_comma", "a@x.example, "),
        of("apostrophe_of_a_spreadsheet", "'-a@x.example", "-a@x.example"),
        of("international", "josé@bücher.example", "josé@bücher.example"),
        of("fullwidth_at_domain", "a@X.EXAMPLE"),
        bad("two_in_a_cell", "a@x.example; c@x.example", "space inside"),
        bad("missing", "", "empty"),
        bad("without_at", "a.x.example", "missing an @"),
        bad("right_to_left_mark_and_space", "\u200fa b@x.example", "space inside"),
    ]


def _packed() -> list[Ugly]:
    plain = PLAIN.encode()
    two = (ANA, BO)
    return [
        Ugly("gzip", lambda: gzip.compress(plain), two),
        Ugly("gzip_of_two_members", lambda: gzip.compress(plain) + gzip.compress(b"c@x.example,Cy\n"), (*two, CY)),
        Ugly("gzip_truncated", lambda: gzip.compress(plain)[:-12], sentence="damaged"),
        Ugly("gzip_bomb", lambda: gzip.compress(_bomb(64 * 1024**2)), sentence="times as large"),
        Ugly("gzip_of_gzip", lambda: gzip.compress(gzip.compress(plain)), sentence="another archive"),
        Ugly("zip", lambda: zipped_names({"list.csv": plain}), two),
        Ugly("zip_of_a_mac", lambda: zipped_names({"a/list.csv": plain, "__MACOSX/a/._list.csv": b"x"}), two),
        Ugly("zip_of_a_workbook", lambda: zipped_names({"l.xlsx": workbook(["email", "first name"], ANA, BO)}), two),
        Ugly(
            "zip_nested", lambda: zipped_names({"z.zip": zipped_names({"list.csv": plain})}), sentence="another archive"
        ),
        Ugly("zip_with_two_files", lambda: zipped_names({"a.csv": plain, "b.csv": plain}), sentence="2 files"),
        Ugly("zip_empty", lambda: zipped_names({}), sentence="empty zip"),
        Ugly("zip_with_a_path_upwards", lambda: zipped_names({"../../etc/list.csv": plain}), two),
        Ugly("zip_truncated", lambda: zipped_names({"list.csv": plain})[:-30], sentence="damaged"),
        Ugly("zip_bomb", lambda: zipped_names({"list.csv": _bomb(64 * 1024**2)}), sentence="times as large"),
        Ugly("zip_that_lies_about_its_size", _lying_zip, sentence="times as large|damaged"),
        Ugly("zip_of_many_files", lambda: zipped_names({f"{n}": b"" for n in range(1_100)}), sentence="1,100 files"),
    ]


def _workbooks() -> list[Ugly]:
    head = ["email", "first name"]
    good = inline_rows(head, ANA)
    when = datetime.datetime
    return [
        Ugly("xlsx", lambda: workbook(head, ANA, BO), (ANA, BO)),
        Ugly(
            "xlsx_values",
            lambda: workbook(
                [*head, "phone", "born", "seen", "vip", "visits", "spend"],
                [*ANA, 34600123456, when(1990, 12, 31), when(2026, 5, 6, 7, 8), True, 34.0, 0.1 + 0.2],
            ),
            [ANA],
            attributes={"born": "1990-12-31", "seen": "2026-05-06", "vip": True, "visits": 34, "spend": 0.3},
        ),
        Ugly(
            "xlsx_errors",
            lambda: raw_workbook(inline_rows([*head, "sum"], [*ANA, '<c r="C2" t="e"><v>#DIV/0!</v></c>'])),
            [ANA],
            attributes={},
        ),
        Ugly(
            "xlsx_formula",
            lambda: raw_workbook(inline_rows(head, [ANA[0], '<c r="B2" t="str"><f>A1&amp;"x"</f><v>Ana</v></c>'])),
            [ANA],
        ),
        Ugly("xlsx_hidden_sheet_first", lambda: workbook(head, ANA, sheets=[("Old", [head, CY], True)]), [ANA]),
        Ugly("xlsx_empty_sheet_first", lambda: workbook(head, ANA, sheets=[("Cover", [], False)]), [ANA]),
        Ugly("xlsx_two_sheets", lambda: workbook(head, CY, sheets=[("First", [head, ANA], False)]), [ANA]),
        Ugly("xlsx_without_rows", lambda: workbook(), sentence="no visible sheet"),
        Ugly("xlsx_title_and_blank_rows", lambda: workbook(["Kunden"], [], head, ANA, [], BO), (ANA, BO)),
        Ugly("xlsx_truncated", lambda: workbook(head, ANA)[:-400], sentence="damaged"),
        Ugly("xlsx_broken_xml", lambda: raw_workbook("<row r='1'><c r='A1'"), sentence="damaged|no visible sheet"),
        Ugly(
            "xlsx_billion_laughs",
            lambda: raw_workbook(good, prolog=_LAUGHS, shared="<si><t>&a11;</t></si>"),
            [ANA],
            sentence="damaged",
        ),
        Ugly(
            "xlsx_external_entity",
            lambda: raw_workbook(
                inline_rows(head, [ANA[0], '<c r="B2" t="s"><v>0</v></c>']),
                prolog=_EXTERNAL,
                shared="<si><t>&x;</t></si>",
            ),
            [(ANA[0], "")],
            sentence="damaged",
        ),
        Ugly(
            "xlsx_one_cell_at_the_far_end",
            lambda: raw_workbook(good + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
            sentence="too much memory|16,384 columns",
        ),
        Ugly("xlsx_bomb", lambda: raw_workbook(good + " " * 64 * 1024**2), sentence="times as large"),
        Ugly(
            "xlsm_with_macros", lambda: raw_workbook(good, more={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0macro"}), [ANA]
        ),
        Ugly(
            "docx", lambda: zipped_names({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}), sentence="Word"
        ),
        Ugly("ods", lambda: opendocument(ods_row(*head), ods_row(*ANA), ods_row(*BO)), (ANA, BO)),
        Ugly(
            "ods_repeated_cells",
            lambda: opendocument(
                ods_row(*head, '<table:table-cell table:number-columns-repeated="16000"/>'),
                ods_row(*ANA, '<table:table-cell table:number-columns-repeated="16000"/>'),
                ods_row('<table:table-cell table:number-columns-repeated="16000"/>', repeated=1_000_000),
            ),
            [ANA],
        ),
        Ugly(
            "ods_repeated_values",
            lambda: opendocument(
                ods_row(*head),
                '<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="string" '
                'table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell></table:table-row>',
            ),
            sentence="too much memory|damaged|columns",
        ),
        Ugly("xls_damaged", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2_000, sentence="damaged"),
        Ugly(
            "xls_that_is_html",
            lambda: b"<html><table><tr><td>a@x.example</td></tr></table></html>",
            sentence="web page",
        ),
        Ugly("xls_that_is_xml", lambda: b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', sentence="XML"),
        Ugly("pdf", lambda: b"%PDF-1.7\n%\xe2\xe3\n", sentence="a PDF"),
        Ugly("png", lambda: b"\x89PNG\r\n\x1a\n" + bytes(200), sentence="a picture"),
        Ugly("binary", lambda: bytes(range(1, 32)) * 40, sentence="no text file"),
    ]


def _json() -> list[Ugly]:
    people = [{"email": "a@x.example", "first name": "Ana"}, {"email": "b@x.example", "first name": "Bo"}]
    lines = "\n".join(map(json.dumps, people))
    nested = [{"email": "a@x.example", "first name": "Ana", "address": {"city": "Vigo"}, "likes": ["tea", "cake"]}]
    return [
        _text("json", json.dumps(people)),
        _text("json_indented", "\ufeff" + json.dumps(people, indent=4)),
        _text("json_utf-16", json.dumps(people).encode("utf-16")),
        _text("json_lines", lines),
        _text(
            "json_lines_one_broken",
            lines + '\n{"email": \n' + json.dumps({"email": "c@x.example"}),
            (ANA, BO, (CY[0], "")),
            refused={3: "no JSON"},
        ),
        _text("json_nested", json.dumps(nested), [ANA], attributes={"address_city": "Vigo", "likes": "tea, cake"}),
        _text(
            "json_deep",
            '[{"email": "a@x.example", "x": ' + "[" * 5_000 + "]" * 5_000 + "}]",
            [(ANA[0], "")],
            sentence="cannot be read",
        ),
        _text("json_broken", json.dumps(people)[:-20], sentence="after object 1"),
        _text("json_no_list", '{\n "email": "a@x.example"\n}', sentence="neither a list"),
        _text("json_list_of_texts", '["a@x.example"]', sentence="no list of objects"),
        _text(
            "json_some_no_objects",
            '[{"email": "a@x.example", "first name": "Ana"}, 7, null]',
            [ANA],
            refused={2: "no object", 3: "no object"},
        ),
        _text(
            "json_different_names",
            '[{"email": "a@x.example"}, {"email": "b@x.example", "first name": "Bo"}]',
            [(ANA[0], ""), BO],
        ),
        _text(
            "json_numbers",
            '[{"email": "a@x.example", "visits": 34, "spend": 1.50, "vip": true, "note": null}]',
            [(ANA[0], "")],
            attributes={"visits": 34, "spend": 1.5, "vip": True},
        ),
        _text(
            "json_huge_number",
            '[{"email": "a@x.example", "n": 1e999999999}, {"email": "b@x.example"}]',
            [(ANA[0], ""), (BO[0], "")],
        ),
        _text(
            "json_endless_digits",
            '[{"email": "a@x.example", "n": ' + "9" * 5_000 + "}]",
            [],
            refused={1: "longer than 2,000"},
        ),
        _text("json_empty_list", "[]", sentence="empty"),
    ]


UGLY_FILES = [*_encodings(), *_lines_and_quotes(), *_shapes(), *_addresses(), *_packed(), *_workbooks(), *_json()]
