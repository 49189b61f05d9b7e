"""MJML: what is translated, what is refused with its line, and what must not bring the process down."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.email_templates.html import UnreadableHtmlError, prepare_html
from core.email_templates.merge_tags import Escape, KnownKeys, parse
from core.email_templates.mjml import MAX_CHARACTERS, MAX_ELEMENTS, UnreadableMjmlError, compile_mjml

UNSUBSCRIBE = "{{ system.unsubscribe_url }}"


def column(inside: str) -> str:
    return f"<mjml>\n<mj-body>\n<mj-section><mj-column>\n{inside}\n</mj-column></mj-section></mj-body></mjml>"


@pytest.mark.parametrize(
    "inside",
    [
        f'<mj-button href="{UNSUBSCRIBE}">Leave</mj-button>',
        f'<mj-text>Bye <a href="{UNSUBSCRIBE}">leave</a></mj-text>',
        f'<mj-image src="https://a.example/x.png" alt="x" href="{UNSUBSCRIBE}" />',
        f'<mj-raw><tr><td><a href="{UNSUBSCRIBE}">leave</a></td></tr></mj-raw>',
        f'<mj-text><a href="https://a.example/?back={UNSUBSCRIBE}&amp;b=1">leave</a></mj-text>',
    ],
)
def test_compile_keeps_a_tag_in_an_attribute(inside: str) -> None:
    html = prepare_html(compile_mjml(column(inside)))

    assert UNSUBSCRIBE in html
    assert "system.unsubscribe_url" in parse(html, context=Escape.HTML, allowed=KnownKeys()).keys


def test_compile_keeps_fallbacks_and_conditions_byte_for_byte() -> None:
    tags = '{{ contact.first_name | default: "there" }}{{ if contact.company is "A & B" }}x{{ else }}y{{ end }}'

    assert tags in compile_mjml(column(f"<mj-text>{tags}</mj-text>"))


def test_compile_puts_the_brand_into_styles_that_the_parser_accepts() -> None:
    source = column('<mj-text color="{{ brand.text_color }}" font-family="{{ brand.font }}">Hi</mj-text>')

    html = prepare_html(compile_mjml(source))
    filled = parse(html, context=Escape.HTML, allowed=KnownKeys()).render(
        {"brand.text_color": "#112233", "brand.font": "Georgia, Times New Roman, serif"}
    )

    assert "color:#112233" in filled.replace(" ", "")
    assert "Georgia, Times New Roman, serif" in filled


def test_compile_takes_every_kind_of_line_end() -> None:
    source = (Path(__file__).parents[2] / "fixtures/starter_templates/newsletter.mjml").read_text()
    assert (
        compile_mjml(source.replace("\n", "\r\n")) == compile_mjml(source) == compile_mjml(source.replace("\n", "\r"))
    )


def test_compile_closes_what_html_leaves_open_and_drops_comments() -> None:
    html = compile_mjml(column('<mj-text>a<br>b<img src="https://a.example/x.png" alt=x><!-- secret --></mj-text>'))

    assert "a<br />b" in html and 'alt="x"' in html
    assert "secret" not in html


def test_compile_loads_no_font_and_no_picture_of_others() -> None:
    html = compile_mjml(column("<mj-text>Hi</mj-text>"))

    assert "http" not in html.replace("http://www.w3.org/1999/xhtml", "").replace("http-equiv", "")


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("", 1, "begins with <mjml>"),
        ("<p>Hi</p>", 1, "inside one <mjml>"),
        ("<mjml><mj-body></mj-body></mjml><mjml></mjml>", 1, "inside one <mjml>"),
        ("<mjml>\n<mj-body>\n", 2, "never closed"),
        (column("<mj-text>\n<b>x</mj-text>"), 5, "<b> of line 5 is still open"),
        (column("</mj-button>"), 4, "still open"),
        (column("<mj-buton>x</mj-buton>"), 4, "Did you mean <mj-button>?"),
        (column('<mj-include path="/etc/passwd" />'), 4, "<mj-include> is not possible"),
        (column('<mj-include path="https://a.example/x.mjml" />'), 4, "<mj-include> is not possible"),
        (column("<mj-text><!--[if mso]>x<![endif]--></mj-text>"), 4, "Conditional comments"),
        (column("<mj-text><![CDATA[x]]></mj-text>"), 4, "CDATA"),
        (column("<mj-text {{ contact.email }}>x</mj-text>"), 4, "no attribute"),
        (column("<mj-social><mj-social-element>x</mj-social-element></mj-social>"), 4, "picture of your own"),
        ("<mjml>\n<mj-head>\nHello</mj-head><mj-body></mj-body></mjml>", 3, "takes elements only"),
        (column(f'<mj-text css-class="{"x" * 3000}">x</mj-text>'), 4, "longer than 2,000"),
    ],
)
def test_compile_refuses_a_mistake_with_its_line(source: str, line: int, words: str) -> None:
    with pytest.raises(UnreadableMjmlError) as refused:
        compile_mjml(source)

    assert refused.value.line == line
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "source",
    [
        "<mjml>" * 10_000,
        column("<mj-raw>" + "<div>" * 10_000 + "</div>" * 10_000 + "</mj-raw>"),
        "<mjml><mj-body>" + "<mj-section>" * 10_000,
        "<mjml><mj-body>" + "<mj-wrapper>" * 500 + "</mj-wrapper>" * 500 + "</mj-body></mjml>",
        column("<mj-spacer />" * (MAX_ELEMENTS + 1)),
        "<mjml>" + " " * MAX_CHARACTERS + "</mjml>",
        "<mjml><mj-head><mj-attributes>"
        + "".join(f'<mj-class name="c{n}" color="{"x" * 1900}" />' for n in range(40))
        + "</mj-attributes></mj-head><mj-body><mj-section><mj-column>"
        + '<mj-text mj-class="c1">x</mj-text>' * 1500
        + "</mj-column></mj-section></mj-body></mjml>",
    ],
    ids=["unclosed", "nested", "sections", "wrappers", "elements", "length", "shared"],
)
def test_compile_refuses_hostile_sizes(source: str) -> None:
    with pytest.raises(UnreadableHtmlError):
        compile_mjml(source)


def test_compile_of_the_deepest_allowed_source_survives_a_small_stack() -> None:
    """mrml recurses on the stack of the calling thread: an overflow would end the process, so ask another one."""
    program = """
import threading, django, os
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.test"
django.setup()
from core.email_templates.mjml import MAX_NESTING, compile_mjml
depth = MAX_NESTING - 2
source = "<mjml><mj-body>" + "<mj-section>" * depth + "</mj-section>" * depth + "</mj-body></mjml>"
done = []
threading.stack_size(512 * 1024)
thread = threading.Thread(target=lambda: done.append(compile_mjml(source)))
thread.start(); thread.join()
assert done and done[0].startswith("<!doctype")
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr[-2000:]


_PIECES = st.sampled_from(
    [
        "<mj-section>",
        "</mj-section>",
        "<mj-column>",
        "</mj-column>",
        "<mj-text>",
        "</mj-text>",
        "<mj-image src='é' width='é9' padding='é' border='0 é'/>",
        "<mj-button inner-padding='1 2 é' width='-1'>",
        "</mj-button>",
        "<mj-raw>",
        "</mj-raw>",
        "<!--",
        "-->",
        "--!>",
        "<!-->",
        "<style>",
        "</style>",
        "<title>",
        "</title>",
        "<script>",
        "</script>",
        "<textarea>",
        "<br>",
        "<p/>",
        "{{ contact.email }}",
        "{{",
        '"',
        "'",
        "<",
        ">",
        "&",
        "é\u2028",
        "\x00",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=25))
def test_compile_of_anything_is_html_or_a_sentence(pieces: list[str]) -> None:
    source = "<mjml><mj-body>" + "".join(pieces) + "</mj-body></mjml>"

    try:
        html = compile_mjml(source)
    except UnreadableMjmlError as error:
        assert str(error)
    else:
        assert "mjt" not in html or "mjt" in source
        prepare_html(html)


@pytest.mark.parametrize(
    "source",
    [
        "<mjml><mj-body>{{ if brand.logo_url }}<mj-section><mj-column><mj-text>A</mj-text></mj-column></mj-section>"
        "{{ else }}<mj-section><mj-column><mj-text>B</mj-text></mj-column></mj-section>{{ end }}</mj-body></mjml>",
        "<mjml><mj-body><mj-section>{{ if contact.company }}<mj-column><mj-text>A</mj-text></mj-column>{{ end }}"
        "</mj-section></mj-body></mjml>",
        "<mjml><mj-body><mj-section><mj-column>{{ if contact.company }}<mj-text>A</mj-text>{{ end }}</mj-column>"
        "</mj-section></mj-body></mjml>",
    ],
    ids=["section", "column", "text"],
)
def test_condition_may_frame_whole_elements_of_mjml(source: str) -> None:
    template = parse(prepare_html(compile_mjml(source)), context=Escape.HTML, allowed=KnownKeys())

    with_it, without = (
        template.render(values) for values in ({"brand.logo_url": "https://a.example/x", "contact.company": "C"}, {})
    )
    assert ">A</div>" in with_it and ">A</div>" not in without
    assert with_it.count("<td") - with_it.count("</td") == without.count("<td") - without.count("</td") == 0
