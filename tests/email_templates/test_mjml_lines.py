"""Findings in MJML stand at the author's lines, whatever the translation made of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.inspection import Inspection, inspect_mail
from core.email_templates.mjml import UnreadableMjmlError, compile_mjml, compile_with_lines
from core.email_templates.preview import MailSource
from core.email_templates.queries import inspect_written

WAY_OUT = '<mj-text>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Leave</a></mj-text>'


def mjml(*lines: str) -> str:
    """The lines stand from line 2 on."""
    body = "\n".join(lines)
    return f"<mjml><mj-body><mj-section><mj-column>\n{body}\n{WAY_OUT}</mj-column></mj-section></mj-body></mjml>"


def looked_at(source: str) -> Inspection:
    return inspect_written(MailSource("News", "", source), markup="mjml", organization_id=None)


def lines_of(inspection: Inspection, code: str) -> list[int]:
    return [one.line for one in (*inspection.findings, *inspection.hints) if one.code == code]


@pytest.mark.parametrize(
    ("code", "source", "line"),
    [
        ("merge_tags", ["<mj-text>", "Hello", "you, {{ contact.frist_name }}", "</mj-text>"], 4),
        (
            "merge_tags",
            ["<mj-button", '  color="#000000"', '  href="https://x.example/{{ contact.emial }}">Go</mj-button>'],
            4,
        ),
        ("alt", ["<mj-text>Hi</mj-text>", "<mj-image", '  src="https://x.example/a.png" />'], 4),
        ("link_http", ["<mj-text>Hi <b>there</b>", '<a href="http://x.example/">the shop</a></mj-text>'], 3),
        ("link_http", ["<mj-text>Hi</mj-text>", '<mj-button href="http://x.example/">The shop</mj-button>'], 3),
        ("heading_order", ["<mj-text><h1>One</h1>", "<h3>Three</h3></mj-text>"], 3),
        ("contrast", ["<mj-text>Fine</mj-text>", '<mj-text color="#dddddd">', "Pale</mj-text>"], 4),
        ("table_role", ["<mj-text>Hi</mj-text>", "<mj-raw><table><tr><td>x</td></tr></table></mj-raw>"], 3),
    ],
)
def test_finding_has_the_line_of_the_mjml(code: str, source: list[str], line: int) -> None:
    assert lines_of(looked_at(mjml(*source)), code) == [line]


def test_same_unknown_tag_twice_has_both_lines() -> None:
    source = mjml(
        "<mj-text>{{ contact.nme }}</mj-text>", "<mj-text>x</mj-text>", "<mj-text>{{ contact.nme }}</mj-text>"
    )

    assert lines_of(looked_at(source), "merge_tags") == [2, 4]


def test_windows_line_ends_and_old_mac_ones_count_as_lines() -> None:
    source = mjml("<mj-text>Hi</mj-text>", '<mj-text><a href="http://x.example/">shop</a></mj-text>')

    assert lines_of(looked_at(source.replace("\n", "\r\n")), "link_http") == [3]


def test_links_are_listed_with_their_lines() -> None:
    source = mjml("<mj-text>Hi</mj-text>", '<mj-button href="https://x.example/">Shop</mj-button>')

    assert [(link.line, link.target) for link in looked_at(source).links] == [
        (3, "https://x.example/"),
        (4, "{{ system.unsubscribe_url }}"),
    ]


def test_lines_change_nothing_of_the_mail() -> None:
    source = mjml(
        '<mj-image src="https://x.example/a.png" alt="A" href="https://x.example/?a=1&amp;b=2" />',
        "<mj-text>{{ if contact.company }}<p>At {{ contact.company }}</p>{{ end }}<br>line</mj-text>",
        "<mj-table><tr><td>x</td></tr></mj-table><mj-divider /><mj-raw><!-- gone --><p>raw</p></mj-raw>",
    )
    plain = inspect_mail(MailSource("News", "", compile_mjml(source)))
    lined = looked_at(source)

    assert (lined.prepared, lined.size_bytes) == (plain.prepared, plain.size_bytes)
    assert {one.message for one in lined.findings} == {one.message for one in plain.findings}


@pytest.mark.parametrize(
    "words",
    [
        "mjtdeadbeefql5z",
        ' data-mjtdeadbeefql="7"',
        "\x00",
        "{{ contact.first_name\n}}",
        "&lt;img src=x onerror=alert(1)&gt;",
        "-->",
    ],
)
def test_hostile_words_stay_words(words: str) -> None:
    source = mjml(
        "<mj-text>x</mj-text>", f"<mj-text>{words}</mj-text>", '<mj-text><a href="http://x.example/">s</a></mj-text>'
    )

    inspection = looked_at(source)

    assert lines_of(inspection, "link_http") == [4 + words.count("\n")]
    assert inspection.prepared == inspect_mail(MailSource("News", "", compile_mjml(source))).prepared


@given(words=st.text(alphabet="ab <>&\"'{}/=\n-!", max_size=40))
def test_any_text_gives_the_same_mail_with_lines_and_without(words: str) -> None:
    source = mjml(f"<mj-text>{words}</mj-text>")
    try:
        plain = compile_mjml(source)
    except UnreadableMjmlError:
        with pytest.raises(UnreadableMjmlError):
            compile_with_lines(source)
        return
    html, lines = compile_with_lines(source)

    assert len(lines) == html.count("\n") + 1
    assert max(lines) <= source.count("\n") + 1
    # But for the line breaks inside of tags nothing is added and nothing is gone.
    assert html.replace("\n>", ">").replace("\n", "") == plain.replace("\n>", ">").replace("\n", "")
