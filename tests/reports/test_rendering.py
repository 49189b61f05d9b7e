"""Every format says what the figures say, and what people wrote comes out as text."""

import csv
import dataclasses
import io
import re
import zipfile
from html.parser import HTMLParser

import openpyxl
import pypdf
import pytest

from core.accounts.public_pages.frame import readable_on
from core.reports.brand import ink_of
from core.reports.choices import ReportFormat, Section
from core.reports.composing import compose
from core.reports.document import Brand, Document
from core.reports.figures import Tally
from core.reports.rendering import render
from tests.reports.history import BRAND, HOSTILE, figures, row

ALL = [section.value for section in Section]
BEFORE = Tally(sent=9_000, opened=2_169, clicked=450)


def document(language: str = "en", *, name: str = "Spring offer", brand: Brand = BRAND, note: str = "") -> Document:
    found = figures([row(name, 4_731, 1_940, 402, prefetched=700, scanned=120), row("Bulbs", 4_600, 1_110)], BEFORE)
    return compose(figures=found, sections=ALL, language=language, brand=brand, title="", note=note)


def pdf_text(content: bytes) -> str:
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return " ".join(text.split())


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_pdf_holds_the_figures_as_text_with_its_fonts_inside() -> None:
    content = render(document(note="Well done, Marta."), ReportFormat.PDF)
    text = pdf_text(content)
    for expected in ("9,331", "32.7 %", "Spring offer", "41.0 %", "Page 1 of", "October 2026", "Well done, Marta."):
        assert expected in text
    reader = pypdf.PdfReader(io.BytesIO(content))
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    assert fonts
    descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert all({"/FontFile2", "/FontFile3"} & descriptor.get_object().keys() for descriptor in descriptors)
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert "/StructTreeRoot" in reader.trailer["/Root"]


def test_pdf_in_spanish_is_spanish() -> None:
    text = pdf_text(render(document("es"), ReportFormat.PDF))
    assert "Informe de correo" in text
    assert "41,0 %" in text
    assert "Página 1 de" in text


def test_hostile_names_are_text_in_every_format() -> None:
    brand = Brand(HOSTILE, "#0f766e", "#ffffff", "#0f766e")
    hostile = document(name=HOSTILE, brand=brand, note=HOSTILE)
    text = pdf_text(render(hostile, ReportFormat.PDF))
    for piece in ("#text(red)[pwned]", "$x^2$", "<script>alert(1)</script>"):
        assert piece in text

    page = Tags(render(hostile, ReportFormat.HTML).decode())
    assert "script" not in {tag for tag, _attributes in page.found}
    assert HOSTILE in page.text

    book = openpyxl.load_workbook(io.BytesIO(render(hostile, ReportFormat.XLSX)))
    cells = [cell for sheet in book for cells in sheet.iter_rows() for cell in cells if cell.value is not None]
    assert any(cell.value == HOSTILE for cell in cells)
    assert all(cell.data_type != "f" for cell in cells)

    with zipfile.ZipFile(io.BytesIO(render(hostile, ReportFormat.CSV))) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("campaigns.csv").decode("utf-8-sig"))))
    assert rows[1][0] == f"'{HOSTILE}"


def test_html_asks_for_nothing_and_forbids_it_to_itself() -> None:
    page = Tags(render(document(), ReportFormat.HTML).decode())
    addresses = [value for _tag, found in page.found for name, value in found.items() if name in ("src", "href")]
    assert all((address or "").startswith("data:") for address in addresses)
    assert "url(" not in page.text
    policies = [found["content"] for tag, found in page.found if found.get("http-equiv") == "Content-Security-Policy"]
    assert policies[0].startswith("default-src 'none'")
    pictures = [found for tag, found in page.found if tag == "svg"]
    assert len(pictures) >= 14  # each chart at two widths
    assert all(found.get("aria-label") for found in pictures)


def test_xlsx_has_native_charts_over_the_cells_of_the_figures() -> None:
    content = render(document(), ReportFormat.XLSX)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        charts = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/charts/chart")]
    campaigns = next(chart for chart in charts if "Campaigns" in chart)
    assert "<c:barChart>" in campaigns
    assert re.search(r"<c:val><c:numRef><c:f>Campaigns!\$D\$2:\$D\$3</c:f>", campaigns)
    assert any("<c:lineChart>" in chart for chart in charts)
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Campaigns"]
    assert [cell.value for cell in sheet[2]][2:4] == [4_731, pytest.approx(1_940 / 4_731)]


@pytest.mark.parametrize("client", ["Campaigns", "HISTORY", "links MOST followed", "[]:*?", "What changed " * 9])
def test_xlsx_of_a_client_that_is_called_like_a_sheet_can_be_opened(client: str) -> None:
    brand = dataclasses.replace(BRAND, client=client)
    book = openpyxl.load_workbook(io.BytesIO(render(document(brand=brand), ReportFormat.XLSX)))
    names = [name.casefold() for name in book.sheetnames]
    assert len(names) == len(set(names)) == 10
    assert "history" not in names
    assert all(0 < len(name) <= 31 for name in names)


@pytest.mark.parametrize("sign", ["\ufffe", "\uffff", "\x0b", "\x00", "\u202e", "\U0001f337"])
def test_sign_that_xml_cannot_hold_breaks_no_file(sign: str) -> None:
    odd = document(
        name=f"Spring{sign} offer", note=f"Dear{sign} Marta", brand=dataclasses.replace(BRAND, client=f"P{sign}")
    )
    assert "41.0 %" in pdf_text(render(odd, ReportFormat.PDF))
    sheets = openpyxl.load_workbook(io.BytesIO(render(odd, ReportFormat.XLSX)))
    assert str(sheets["Campaigns"]["A2"].value).endswith(" offer")


def test_csv_holds_every_table_in_plain_numbers() -> None:
    with zipfile.ZipFile(io.BytesIO(render(document(), ReportFormat.CSV))) as archive:
        names = archive.namelist()
        rows = list(csv.reader(io.StringIO(archive.read("campaigns.csv").decode("utf-8-sig"))))
        days = archive.read("over_time.csv").decode("utf-8-sig").splitlines()
    assert {"campaigns.csv", "headline.csv", "links.csv", "best_hours.csv"} <= set(names)
    assert rows[1] == ["Spring offer", "2026-10-08", "4731", "41.01", "8.5", "0.0"]
    assert days[1] == "2026-10-01,40,20,3,18"


def test_sections_come_in_the_order_that_was_chosen() -> None:
    found = figures([row("Spring offer", 500, 100)])
    chosen = compose(figures=found, sections=["links", "gone", "summary"], language="en", brand=BRAND)
    assert [part.key for part in chosen.parts] == ["links", "summary"]


def test_empty_period_renders_in_every_format() -> None:
    nothing = figures([], slots=(), providers=(), devices=(), reasons=(), hours=(), links=())
    empty = compose(figures=nothing, sections=ALL, language="es", brand=BRAND)
    for file_format in ReportFormat:
        assert render(empty, file_format)


@pytest.mark.parametrize("color", ["#ffee00", "#ffffff", "#000000", "#7c3aed"])
def test_titles_are_readable_in_every_brand_colour(color: str) -> None:
    ink = ink_of(color)
    assert readable_on(ink) == "#ffffff" or color == "#000000"
    assert render(document(brand=Brand("X", color, readable_on(color), ink)), ReportFormat.PDF)
