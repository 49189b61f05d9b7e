"""Merge tags: what the closed language accepts, where values are escaped how, and what never happens."""

import html
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.merge_tags import Escape, KnownKeys, MergeTagError, MergeTemplate, Slot, parse

ANY = KnownKeys()
TEXTS = st.text(max_size=60)
PIECES = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{%",
            "{",
            "|",
            "default:",
            '"',
            "'",
            "<",
            ">",
            "</",
            "<!--",
            "-->",
            "<a href=",
            "<script>",
            "\n",
            " ",
            "contact.first_name",
            "{{ contact.email }}",
            "<![endif]-->",
            "<!--[if mso]>",
            "</style",
            "<style>",
            "&",
            "=",
        ]
    )
    | TEXTS,
    max_size=20,
).map("".join)


def html_template(source: str, known: KnownKeys = ANY) -> MergeTemplate:
    return parse(source, context=Escape.HTML, allowed=known)


def problems_of(source: str, context: Escape = Escape.HTML, known: KnownKeys = ANY) -> list[str]:
    with pytest.raises(MergeTagError) as caught:
        parse(source, context=context, allowed=known)
    return [str(problem) for problem in caught.value.problems]


def test_parse_tags_with_and_without_fallback_returns_slots() -> None:
    template = html_template('Hi {{contact.first_name|default:"there"}} of {{ contact.attributes.city }}.')
    assert template.segments == (
        "Hi ",
        Slot("contact.first_name", "there", Escape.HTML),
        " of ",
        Slot("contact.attributes.city", "", Escape.HTML),
        ".",
    )
    assert template.keys == {"contact.first_name", "contact.attributes.city"}


@pytest.mark.parametrize(
    "written", ["default: 'there'", 'default: "there"', "default: “there”", "default:&quot;there&quot;&nbsp;"]
)
def test_render_missing_or_blank_value_uses_fallback(written: str) -> None:
    template = html_template(f"{{{{ contact.first_name | {written} }}}}")
    assert template.render({}) == "there"
    assert template.render({"contact.first_name": "  "}) == "there"
    assert template.render({"contact.first_name": "Ada"}) == "Ada"


def test_render_fallback_is_escaped_like_a_value() -> None:
    assert html_template('{{ contact.company | default: "Fern & Field" }}').render({}) == "Fern &amp; Field"


def test_parse_unknown_tag_names_line_and_nearest_key() -> None:
    (problem,) = problems_of("<p>\n\n{{ contact.frist_name }}</p>")
    assert problem.startswith("Line 3: {{ contact.frist_name }} is not a known merge tag.")
    assert problem.endswith("Did you mean {{ contact.first_name }}?")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("first_name", "contact.first_name"),
        ("FirstName", "contact.first_name"),
        ("unsubscribe", "system.unsubscribe_url"),
        ("contact.attributes.citty", "contact.attributes.city"),
        ("zzz", ""),
    ],
)
def test_nearest_key_for_common_slips(written: str, meant: str) -> None:
    assert KnownKeys(attributes=frozenset({"city"})).nearest(written) == meant


def test_parse_several_problems_lists_each_in_order() -> None:
    problems = problems_of("{{ a.b }}\n{% if x %}\n{{ contact.email\n<p style='{{ contact.email }}'>")
    assert [problem.split(":")[0] for problem in problems] == ["Line 1", "Line 2", "Line 3", "Line 4"]


def test_parse_very_many_problems_reports_the_first_ones() -> None:
    assert len(problems_of("{{ nobody }}" * 5_000)) == 20


def test_parse_more_tags_than_allowed_raises() -> None:
    assert "more" in problems_of("{{ contact.email }}" * 1_001)[0]
    assert len(html_template("{{ contact.email }}" * 1_000).segments) == 1_000


def test_parse_too_long_source_raises() -> None:
    assert "500,000" in problems_of("a" * 500_001)[0]


@pytest.mark.parametrize("key", ["contact.attributes.town", "contact.attributes.", "contact.attributes.__class__"])
def test_parse_attribute_outside_the_clients_fields_raises(key: str) -> None:
    assert problems_of(f"{{{{ {key} }}}}", known=KnownKeys(attributes=frozenset({"city"})))


@pytest.mark.parametrize("key", ["link.3", "system.open_pixel_url"])
def test_parse_internal_key_is_open_to_the_product_only(key: str) -> None:
    source = f'<a href="{{{{ {key} }}}}">x</a>'
    assert problems_of(source)
    assert html_template(source, KnownKeys(internal=True)).segments[1] == Slot(key, "", Escape.URL_WHOLE)


@pytest.mark.parametrize(
    ("source", "escape"),
    [
        ("<p>{{ contact.company }}</p>", Escape.HTML),
        ("<title>{{ contact.company }}</title>", Escape.HTML),
        ('<p title="a > {{ contact.company }}">', Escape.HTML),
        ("<img alt='{{ contact.company }}'>", Escape.HTML),
        ('<a href="{{ contact.company }}">', Escape.URL_WHOLE),
        ('<a href=" {{ contact.company }}/x">', Escape.URL_WHOLE),
        ('<a href="https://a.example/?q={{ contact.company }}">', Escape.URL),
        ('<a href="mailto:{{ contact.company }}">', Escape.URL),
        ('<img src="https://a.example/{{ contact.company }}.png">', Escape.URL),
        ('<!--[if mso]><v:rect href="{{ contact.company }}"></v:rect><![endif]-->', Escape.URL_WHOLE),
    ],
)
def test_parse_html_place_decides_the_escape(source: str, escape: Escape) -> None:
    (slot,) = [segment for segment in html_template(source).segments if isinstance(segment, Slot)]
    assert slot.escape is escape


@pytest.mark.parametrize(
    "source",
    [
        "<script>var a = '{{ contact.email }}'</script>",
        "<style>p { color: {{ contact.email }} }</style>",
        '<p style="color: {{ contact.email }}">',
        '<p onclick="f({{ contact.email }})">',
        '<iframe srcdoc="{{ contact.email }}">',
        '<meta http-equiv="refresh" content="0; url={{ contact.email }}">',
        "<p title={{ contact.email }}>",
        "<p {{ contact.email }}>",
        "<{{ contact.email }}>",
        "</{{ contact.email }}>",
        "<a href=\"javascript:f('{{ contact.email }}')\">",
        '<a href="java&#115;cript&colon;{{ contact.email }}">',
        '<a href="data:text/html,{{ contact.email }}">',
    ],
)
def test_parse_html_tag_where_no_escape_helps_raises(source: str) -> None:
    assert len(problems_of(source)) == 1


def test_parse_html_comment_stays_literal() -> None:
    source = "<!-- {{ whatever }} {% if %} {{ -->a"
    assert html_template(source).segments == (source,)


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("https://a.example/?a=1&b=2", "https://a.example/?a=1&amp;b=2"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("javascript:alert(1)", "#"),
        ("JavaScript:alert(1)", "#"),
        (" \tdata:text/html,x", "#"),
        ("//evil.example", "#"),
        ("https://a.example/\r\nX: y", "#"),
        ('https://a.example/"><script>', "https://a.example/&quot;&gt;&lt;script&gt;"),
    ],
)
def test_render_whole_url_lets_only_plain_links_through(value: str, rendered: str) -> None:
    template = html_template('<a href="{{ contact.attributes.site }}">')
    assert template.render({"contact.attributes.site": value}) == f'<a href="{rendered}">'


def test_render_url_part_cannot_leave_its_place() -> None:
    template = html_template('<a href="https://a.example/?q={{ contact.company }}&amp;r=1">')
    rendered = template.render({"contact.company": 'x&admin=1#/../"> '})
    assert rendered == '<a href="https://a.example/?q=x%26admin%3D1%23%2F..%2F%22%3E%20&amp;r=1">'


HEADER_BREAKS = ["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("line_break", HEADER_BREAKS)
def test_render_header_value_stays_on_one_line(line_break: str) -> None:
    template = parse(f"Hi{line_break} {{{{ contact.first_name }}}}", context=Escape.HEADER, allowed=ANY)
    rendered = template.render({"contact.first_name": f"Eve{line_break}Bcc: all@b.example"})
    assert rendered == "Hi  Eve Bcc: all@b.example"


def test_render_text_keeps_markup_and_drops_controls() -> None:
    template = parse("{{ contact.company }}", context=Escape.TEXT, allowed=ANY)
    assert template.render({"contact.company": "<b>\x00\x1bA & B\r\nC\x7f"}) == "<b>A & B\nC"


INJECTIONS = [
    "{{ 7*7 }}",
    "{{ contact.__class__.__mro__ }}",
    "{{ contact.email.__init__.__globals__ }}",
    "{{ settings.SECRET_KEY }}",
    "{{ contact.delete }}",
    "{{ contact.email|safe }}",
    "{{ contact.email | default: secret }}",
    '{{ contact.first_name | default: "a" | upper }}',
    "{{ self._TemplateReference__context }}",
    '{{ "a".__class__ }}',
    "{{ request.application.__globals__ }}",
    '{{ env "HOME" }}',
    '{{ get_env("DATABASE_URL") }}',
    "{{ contact.email.lower() }}",
    "{% debug %}",
    "{% load log %}{% get_admin_log 10 as x %}",
    "{% for a in b %}{% endfor %}",
    "{{ link.1 }}",
    "{{ contact['email'] }}",
    "{{{{ contact.email }}}}",
]
FOREIGN = [
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "*{7*7}",
    "@(7*7)",
    "{7*7}",
    "{# x #}",
    "{!x!}",
    "[[${7*7}]]",
    "%s %(a)s",
    "{0}",
]


@pytest.mark.parametrize("context", [Escape.HTML, Escape.TEXT, Escape.HEADER])
@pytest.mark.parametrize("payload", INJECTIONS)
def test_parse_template_injection_is_refused(payload: str, context: Escape) -> None:
    assert problems_of(payload, context)


@pytest.mark.parametrize("context", [Escape.HTML, Escape.TEXT, Escape.HEADER])
@pytest.mark.parametrize("payload", FOREIGN)
def test_parse_foreign_template_syntax_stays_literal(payload: str, context: Escape) -> None:
    assert parse(payload, context=context, allowed=ANY).render({}) == payload


@pytest.mark.parametrize("payload", [*INJECTIONS, *FOREIGN, "{{ contact.email }}"])
def test_render_value_that_looks_like_a_tag_is_not_expanded(payload: str) -> None:
    template = parse("{{ contact.first_name }}", context=Escape.TEXT, allowed=ANY)
    assert template.render({"contact.first_name": payload, "contact.email": "secret"}) == payload


@given(source=PIECES, context=st.sampled_from([Escape.HTML, Escape.TEXT, Escape.HEADER]))
def test_parse_any_text_raises_nothing_but_merge_tag_error(source: str, context: Escape) -> None:
    try:
        template = parse(source, context=context, allowed=ANY)
    except MergeTagError as error:
        assert error.problems
        assert all(
            problem.line == source[: problem.position].count("\n") + 1 or context is Escape.HEADER
            for problem in error.problems
        )
    else:
        template.render({"contact.first_name": "x"})


@given(source=TEXTS.filter(lambda text: "{{" not in text and "{%" not in text))
def test_render_source_without_tags_is_the_source(source: str) -> None:
    for context in (Escape.HTML, Escape.TEXT):
        assert parse(source, context=context, allowed=ANY).render({}) == source


@given(value=TEXTS)
def test_render_html_value_never_holds_markup(value: str) -> None:
    rendered = html_template("{{ contact.company }}").render({"contact.company": value})
    assert not set(rendered) & set("<>\"'")
    assert html.unescape(rendered) == Slot("x", "", Escape.TEXT).render({"x": value})


@given(value=TEXTS.filter(str.strip))
def test_render_url_value_decodes_to_itself(value: str) -> None:
    rendered = Slot("x", "", Escape.URL).render({"x": value})
    assert rendered.isascii()
    assert not set(rendered) & set("<>\"'&?#/: \r\n")
    assert unquote(rendered) == value


@given(value=TEXTS)
def test_render_header_value_has_no_line_break(value: str) -> None:
    assert len(f"a{Slot('x', '', Escape.HEADER).render({'x': value})}b".splitlines()) == 1


class _Structure(HTMLParser):
    """Tags with their attribute names, as an independent parser sees them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


@given(value=TEXTS | PIECES)
def test_render_any_value_leaves_the_structure_of_the_mail(value: str) -> None:
    template = html_template(
        '<p title="{{ contact.company }}">{{ contact.company }}</p><a href="{{ contact.company }}">'
        "<img alt='{{ contact.company }}' src='https://a.example/{{ contact.company }}'></a>"
    )
    expected = [("p", ("title",)), ("a", ("href",)), ("img", ("alt", "src"))]
    assert _Structure(template.render({"contact.company": value})).seen == expected
