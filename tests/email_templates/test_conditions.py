"""Conditions: what they ask, what they refuse, and that a mail stays whole whichever branch somebody gets."""

import html
from html.parser import HTMLParser
from urllib.parse import unquote

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.html import prepare_html, with_preheader
from core.email_templates.inspection import inspect_mail
from core.email_templates.links import rewrite_links
from core.email_templates.merge_tags import Choice, Escape, KnownKeys, MergeTagError, MergeTemplate, parse
from core.email_templates.preview import MailSource, preview_mail
from core.email_templates.text import html_to_text

CITY = "contact.attributes.city"
COMPANY = {"contact.company": "Fern & Field"}
PAYLOADS = st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "{{ contact.email }}",
        "{{ end }}",
        "javascript:alert(1)",
        "a\r\nBcc: all@people.example",
        "-->",
        "</style>",
    ]
) | st.text(max_size=40)


def template(source: str, context: Escape = Escape.HTML) -> MergeTemplate:
    return parse(source, context=context, allowed=KnownKeys())


def problems_of(source: str, context: Escape = Escape.HTML) -> list[str]:
    with pytest.raises(MergeTagError) as caught:
        template(source, context)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("question", "value", "answer"),
    [
        ("contact.company", "Fern", True),
        ("contact.company", "  ", False),
        ("contact.company", None, False),
        ('contact.company is "fern  & Field"', " Fern & field", True),
        ("contact.company is 'Fern'", "Field", False),
        ("contact.company is “Fern”", None, False),
        ('contact.company is not "Fern"', "fern", False),
        ('contact.company is not "Fern"', None, True),
        ('contact.company is ""', None, True),
        ('contact.company IS NOT "Fern"', "Field", True),
    ],
)
def test_render_condition_chooses_the_branch(question: str, value: str | None, answer: bool) -> None:
    values = {} if value is None else {"contact.company": value}
    rendered = template(f"a {{{{ if {question} }}}}yes{{{{ else }}}}no{{{{ end }}}} b", Escape.HEADER).render(values)
    assert rendered == f"a {'yes' if answer else 'no'} b"


def test_parse_condition_keys_hold_what_is_asked_and_what_is_shown_in_both_branches() -> None:
    parsed = template(f"{{{{ if {CITY} }}}}{{{{ contact.phone }}}}{{{{ else }}}}{{{{ contact.email }}}}{{{{ end }}}}")
    assert parsed.keys == {CITY, "contact.phone", "contact.email"}
    assert [slot.key for slot in parsed.slots()] == ["contact.phone", "contact.email"]


def test_parse_condition_without_else_shows_nothing_to_the_others() -> None:
    assert template("a{{ if contact.company }}b{{ end }}c").render({}) == "ac"


def test_parse_nested_conditions_three_deep_works_and_four_raises() -> None:
    three = "{{ if contact.company }}" * 3 + "x" + "{{ end }}" * 3
    assert template(three).render(COMPANY) == "x"
    (problem,) = problems_of("{{ if contact.company }}" + three + "{{ end }}")
    assert "3 deep" in problem


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("\n{{ if contact.company }}a", "Line 2: {{ if contact.company }} has no {{ end }}."),
        ("a{{ end }}", "{{ end }} has no {{ if … }} before it."),
        ("{{ else }}", "{{ else }} has no {{ if … }} before it."),
        ("{{ if contact.company }}{{ else }}{{ else }}{{ end }}", "second {{ else }}"),
        ("{{ if contact.compny }}a{{ end }}", "Did you mean {{ if contact.company }}?"),
        ('{{ if contact.compny is "A" }}a{{ end }}', 'Did you mean {{ if contact.company is "A" }}?'),
        ("{{ if }}a{{ end }}", "{{ if }} cannot be read."),
        ('{{ if contact.company == "A" }}a{{ end }}', "cannot be read."),
        ("{{ if contact.company }}a{{ endif }}{{ end }}", "The end of a condition is written {{ end }}."),
        ("{{ if contact.company }}{{ elif contact.phone }}{{ end }}", "is not available here."),
        ("{{ if system.unsubscribe_url }}a{{ end }}", "every mail has it"),
        ("{{ if campaign.subject }}a{{ end }}", "every mail has it"),
    ],
)
@pytest.mark.parametrize("context", [Escape.HTML, Escape.TEXT])
def test_parse_broken_condition_says_what_is_wrong(source: str, words: str, context: Escape) -> None:
    (problem,) = problems_of(source, context)
    assert words in problem


def test_parse_more_tags_of_conditions_than_allowed_raises() -> None:
    assert "more" in problems_of("{{ if contact.company }}{{ end }}" * 501)[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<table><tr>{{ if contact.company }}<td>{{ end }}</table>", "opens <td>"),
        ("<b>{{ if contact.company }}</b>{{ end }}", "closes <b>"),
        ("{{ if contact.company }}<p>a{{ else }}b</p>{{ end }}", "opens <p>"),
        ("{{ if contact.company }}a{{ else }}<div>{{ end }}", "stands behind {{ else }} opens <div>"),
        ("{{ if contact.company }}<!--[if mso]>a{{ end }}<![endif]-->", "opens <!--[if …]>"),
        ('<p title="{{ if contact.company }}">a{{ end }}</p>', "in another place"),
        ('<p title="{{ if contact.company }}" lang="{{ end }}">a</p>', "in another place"),
        ("<title>{{ if contact.company }}</title>{{ end }}", "in another place"),
        ("<style>p{{ if contact.company }}{}{{ end }}</style>", "<style>"),
        ("<script>{{ if contact.company }}{{ end }}</script>", "<script>"),
        ('<p style="{{ if contact.company }}color:red{{ end }}">', "style attribute"),
        ("<p class={{ if contact.company }}a{{ end }}>", "quotes"),
        ("<p {{ if contact.company }}hidden{{ end }}>", "name of a tag"),
        ('<a href="{{ if contact.company }}https://a.example{{ end }}">', "beginning of an address"),
        ('<a href="java{{ if contact.company }}script:x{{ end }}">', "beginning of an address"),
        ('<a href="javascript:{{ if contact.company }}x{{ end }}">', "neither http"),
    ],
)
def test_parse_condition_that_would_tear_the_document_raises(source: str, words: str) -> None:
    assert words in problems_of(source)[0]


@pytest.mark.parametrize(
    "source",
    [
        "<p>a{{ if contact.company }}<br><img src='x'>b<b>c</b>{{ end }}</p>",
        "<table>{{ if contact.company }}<tr><td>a</td></tr>{{ else }}<tr><td>b</td></tr>{{ end }}</table>",
        "{{ if contact.company }}<!--[if mso]><v:rect href='x' /><![endif]-->{{ end }}",
        "{{ if contact.company }}<!--[if !mso]><!--><p>a</p><!--<![endif]-->{{ end }}",
        "<ul>{{ if contact.company }}<li>a</li>{{ end }}<li>b</li></ul>",
        "<p title=\"{{ if contact.attributes.city is 'Berlin' }}a{{ else }}b{{ end }}\">x</p>",
        '<a href="https://a.example/?c={{ if contact.company }}{{ contact.company }}{{ end }}">x</a>',
        "<!-- {{ if contact.company }} -->",
    ],
)
def test_parse_condition_around_whole_elements_is_taken(source: str) -> None:
    template(source)


@pytest.mark.parametrize("values", [{}, COMPANY, {CITY: "Berlin"}])
@pytest.mark.parametrize(
    "table",
    [
        "<table>{row}<tr><td>z</td></tr></table>",
        "<table><tr><td>a</td></tr>{row}</table>",
        "<table><tbody>{row}</tbody></table>",
        "<table><thead><tr><td>h</td></tr></thead>{row}</table>",
        "<table><tr><td><table>{row}</table></td></tr>{row}</table>",
        "<!--[if mso]><table>{row}</table><![endif]-->",
    ],
)
def test_prepare_html_keeps_conditional_rows_in_their_table(table: str, values: dict[str, str]) -> None:
    row = "{{ if contact.company }} <tr><td>yes</td></tr> {{ else }}<tr><td>no</td></tr>{{ end }}"
    prepared = prepare_html(table.replace("{row}", row))
    rendered = template(prepared).render(values)

    chosen = "yes" if "contact.company" in values else "no"
    plain = prepare_html(table.replace("{row}", f"<tr><td>{chosen}</td></tr>"))
    assert "".join(rendered.split()) == "".join(plain.split())


def test_inspect_branch_that_the_parser_moves_out_of_a_table_is_an_error() -> None:
    html_source = "<table>{{ if contact.company }}<div>a</div>{{ end }}<tr><td>b</td></tr></table>"
    findings = inspect_mail(MailSource("Hi", "", html_source)).errors
    assert [finding.code for finding in findings] == ["torn"]


def test_html_to_text_conditions_on_blocks_leave_no_empty_lines() -> None:
    source = "<p>Hi</p>{{ if contact.company }}<p>At {{ contact.company }}</p>{{ else }}<p>You</p>{{ end }}<p>Bye</p>"
    text = template(html_to_text(prepare_html(source)), Escape.TEXT)
    assert text.render(COMPANY) == "Hi\n\nAt Fern & Field\n\nBye\n"
    assert text.render({}) == "Hi\n\nYou\n\nBye\n"


def test_parse_text_line_with_only_a_condition_leaves_no_line() -> None:
    inline = "Bye {{ if contact.phone }}x{{ end }}\n"
    source = "Hi\n\n  {{ if contact.company }}\r\nto {{ contact.company }}\n{{ end }}\n\n" + inline
    text = template(source, Escape.TEXT)
    assert text.render(COMPANY) == "Hi\n\nto Fern & Field\n\nBye \n"
    assert text.render({}) == "Hi\n\n\nBye \n"


def test_rewrite_links_counts_the_links_of_both_branches() -> None:
    links = [f'<a href="https://{name}.example/">{name}</a>' for name in "ab"]
    source = f"{{{{ if contact.company }}}}{links[0]}{{{{ else }}}}{links[1]}{{{{ end }}}}"
    rewritten, targets = rewrite_links(source, replacement=lambda number, url: f"#{number}")
    assert targets == ("https://a.example/", "https://b.example/")
    assert template(rewritten).render({}) == '<a href="#2">b</a>'


def test_preview_condition_in_subject_preheader_html_and_text() -> None:
    said = "{{ if contact.company is 'Fern & Field' }}Hello {{ contact.company }}{{ else }}Hello you{{ end }}"
    known = preview_mail(MailSource(said, said, f"<p>{said.replace('&', '&amp;')}</p>", said), COMPANY)
    assert known.subject == known.preheader == known.text == "Hello Fern & Field"
    assert known.html.count("Hello Fern &amp; Field") == 2
    assert "Hello you" in preview_mail(MailSource(said, said, f"<p>{said}</p>", ""), {}).text


def test_with_preheader_condition_stays_readable() -> None:
    said = '{{ if contact.company is "A <3 B" }}x{{ end }}'.replace(" <3", "")
    assert template(with_preheader("<body></body>", said)).render({"contact.company": "a b"}).count(">x&#847;")


class _Watcher(HTMLParser):
    """Counts the elements and remembers the attributes that a parser sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.values: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))
        self.values.update(attrs)


@given(value=PAYLOADS)
def test_render_payload_in_a_branch_stays_text_in_html_attributes_and_addresses(value: str) -> None:
    asked = "{{ if contact.company }}%s{{ else }}%s{{ end }}"
    inside = asked % ("{{ contact.company }}", "{{ contact.first_name }}")
    source = f'<p title="{inside}">{inside}</p><a href="https://a.example/?q={inside}">x</a>'
    for values in ({"contact.company": value, "contact.first_name": value}, {"contact.first_name": value}):
        rendered = template(source).render(values)
        watcher = _Watcher()
        watcher.feed(rendered)
        assert watcher.seen == [("p", ("title",)), ("a", ("href",))]
        address = watcher.values["href"] or ""
        assert address.startswith("https://a.example/?q=") and not set(address[21:]) & set("<>\"'&:/ \r\n")
        assert unquote(address[21:]) == (value if value.strip() else "").encode("utf-8", "replace").decode()
        assert "<script" not in nh3.clean(rendered, tags={"script"}, clean_content_tags=set())
        header = template(f"Hi {inside}", Escape.HEADER).render(values)
        assert "\n" not in header and "\r" not in header


@given(value=PAYLOADS, wanted=st.text(st.characters(blacklist_characters="{}<>\"'“”&"), max_size=20))
def test_render_compared_value_never_reaches_the_mail(value: str, wanted: str) -> None:
    source = f'<b>{{{{ if contact.company is "{wanted}" }}}}same{{{{ else }}}}other{{{{ end }}}}</b>'
    expected = "same" if " ".join(value.split()).casefold() == " ".join(wanted.split()).casefold() else "other"
    assert template(source).render({"contact.company": value}) == f"<b>{expected}</b>"


WORDS = st.sampled_from(
    [
        "{{ if contact.company }}",
        "{{ if contact.phone is 'x' }}",
        "{{ else }}",
        "{{ end }}",
        "{{ if",
        "{{ contact.email }}",
        "<p>",
        "</p>",
        "<table>",
        "<tr>",
        "<td>",
        "</td>",
        "</table>",
        "<div>",
        "</div>",
        "<!--",
        "-->",
        "<!--[if mso]>",
        "<![endif]-->",
        '<a href="https://a.example/',
        '">',
        "<title>",
        "</title>",
        "\n",
        "x",
    ]
)


@given(st.lists(WORDS | st.text(max_size=5), max_size=25).map("".join))
def test_parse_any_text_gives_a_template_or_problems(source: str) -> None:
    for context in (Escape.HTML, Escape.TEXT, Escape.HEADER):
        try:
            parsed = template(source, context)
        except MergeTagError as error:
            assert error.problems
        else:
            assert "{{ if contact" not in html.unescape(parsed.render({})) or "<!--" in source
            assert all(isinstance(choice, Choice) for choice in parsed.choices())
    inspection = inspect_mail(MailSource(source[:200], "", source, source))
    if not inspection.errors:
        preview_mail(MailSource(source[:200], "", source, source), {})


@given(st.lists(WORDS, max_size=20).map("".join))
def test_parse_taken_html_has_the_same_depth_with_and_without_each_branch(source: str) -> None:
    try:
        parsed = template(source)
    except MergeTagError:
        return
    if "<!--" in source or "<title>" in source:
        return

    def depth(values: dict[str, str]) -> int:
        rendered = parsed.render(values)
        return sum(rendered.count(f"<{name}>") - rendered.count(f"</{name}>") for name in ("div", "table"))

    assert depth({}) == depth(COMPANY) == depth({"contact.phone": "x"})
