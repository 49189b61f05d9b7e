"""Contrast: what is found too weak, and what is left alone because nobody can know it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.colors import Color, contrast, read_color
from core.email_templates.contrast import poor_contrasts, with_lines, without_lines
from core.email_templates.html import prepare_html


def found(html: str) -> list[tuple[str, str, int]]:
    poor = poor_contrasts(prepare_html(with_lines(html)))
    return [(str(one.text), str(one.background), one.line) for one in poor]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("#abc", "#aabbcc"),
        ("#AABBCC", "#aabbcc"),
        ("rgb(1, 2,3)", "#010203"),
        ("rgb(10% 20% 30% / 1)", "#1a334c"),
        ("hsl(0, 100%, 50%)", "#ff0000"),
        (" White ", "#ffffff"),
    ],
)
def test_read_color_knows_how_css_writes_them(written: str, read: str) -> None:
    assert str(read_color(written)) == read


@pytest.mark.parametrize("written", ["", "var(--x)", "inherit", "#ab", "rgb(1,2)", "rgb(nan,1,1)", "hsl(a,b,c)"])
def test_read_color_of_what_nobody_knows_is_none(written: str) -> None:
    assert read_color(written) is None


def test_contrast_of_wcags_own_examples() -> None:
    white, black = Color(255, 255, 255), Color(0, 0, 0)
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(white, white) == 1
    assert contrast(Color(0x76, 0x76, 0x76), white) == pytest.approx(4.54, abs=0.01)


@given(st.text(max_size=30))
def test_read_color_of_any_text_raises_nothing(written: str) -> None:
    read_color(written)


def test_poor_contrast_from_a_style_sheet_names_the_line() -> None:
    html = "<style>.a{color:#bbb}</style>\n<p>fine</p>\n<p class='a'>weak</p>\n<p class='a'>again</p>"
    assert found(html) == [("#bbbbbb", "#ffffff", 3)]
    assert poor_contrasts(prepare_html(with_lines(html)))[0].places == 2


@pytest.mark.parametrize(
    "html",
    [
        '<p style="color:#999">weak</p>',
        '<table bgcolor="#222222"><tr><td style="color:#444">weak</td></tr></table>',
        '<div style="background:#0a6ea8"><p><font color="#0a6eaf">weak</font></p></div>',
        '<p style="color:rgba(0,0,0,.3)">weak</p>',
        '<div style="background-color:rgba(0,0,0,.8)"><b style="color:#333">weak</b></div>',
        '<h1 style="color:#aaa">weak though large</h1>',
        '<p style="color:#888;font-size:18px">not large enough</p>',
        '<a href="https://a.example" style="color:#ccc">weak</a>',
        '<body style="color:#ccc"><p>inherited</p></body>',
        '<p style="COLOR : #CCC !important">weak</p>',
    ],
)
def test_poor_contrast_is_found(html: str) -> None:
    assert len(found(html)) == 1


@pytest.mark.parametrize(
    "html",
    [
        "<p>black on white</p>",
        '<p style="color:#767676">just enough</p>',
        '<h1 style="color:#888">large</h1>',
        '<p style="color:#888;font-size:18pt">large</p>',
        '<p style="color:#888;font-size:19px;font-weight:700">large and bold</p>',
        '<div style="background:url(https://a.example/x.png)"><p style="color:#fff">over a picture</p></div>',
        '<div style="background:linear-gradient(#fff,#eee)"><p style="color:#fff">over a gradient</p></div>',
        '<table><tr><td background="https://a.example/x.png" style="color:#fff">picture</td></tr></table>',
        '<p style="color:var(--mine)">unknown</p>',
        '<p style="color:{{ brand.color }}">the brand\'s</p>',
        '<div style="background:#123456"><a href="https://a.example">the program decides</a></div>',
        '<p style="color:#fff;display:none">hidden</p>',
        '<p style="color:#fff;font-size:1px">hidden</p>',
        '<p style="color:#fff">&nbsp;&zwnj; </p>',
        '<!--[if mso]><p style="color:#fff">for Outlook</p><![endif]-->',
        "<style>@media (prefers-color-scheme: dark){p{color:#fff}}</style><p>dark rules</p>",
        '<div style="background:#000"><div style="background:#fff"><p>inner</p></div></div>',
        '<img src="https://a.example/x.png" alt="x" style="color:#fff">',
    ],
)
def test_what_is_readable_or_unknown_is_no_false_alarm(html: str) -> None:
    assert found(html) == []


@given(st.text("<>/ab \"'=div\n{}style:;#", max_size=80))
def test_lines_change_nothing_that_is_sent(html: str) -> None:
    if "{{" in html:
        return
    assert without_lines(prepare_html(with_lines(html))) == prepare_html(html)
