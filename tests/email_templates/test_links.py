"""Links are found, numbered and rewritten, and nothing else of the mail changes."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.links import rewrite_links
from core.email_templates.markup import TokenKind, tokenize
from core.email_templates.merge_tags import Escape, KnownKeys, parse


def tag_for(number: int, _url: str) -> str:
    return f"{{{{ link.{number} }}}}"


def targets_of(source: str) -> tuple[str, ...]:
    return rewrite_links(source, replacement=tag_for)[1]


TARGETS = [
    "https://a.example/",
    "http://a.example/path?x=1&y=2",
    "HTTPS://A.Example/Path",
    "https://a.example/?a=1&amp=2&copy=3&lt;x",
    "https://a.example/?sig=aGVsbG8%3D%2B%2F&e=%20#frag=1&b",
    "https://a.example/ü/日本語?q=é",
    "https://bücher.example/größe",
    "https://xn--bcher-kva.example:8443/",
    "https://user:pass@a.example/",
    "https://a.example/#/route?x={y}",
    "https://a.example/'quoted\"",
    "https://a.example/?next=https%3A%2F%2Fb.example%2F%3Fa%3D1",
    "https://a.example/%7B%7B",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_rewrite_round_trip_gives_the_target_byte_for_byte(target: str, quote: str) -> None:
    source = f"<p>é &copy; <A  CLASS=x HREF = {quote}{html.escape(target)}{quote} >x</a >"
    rewritten, targets = rewrite_links(source, replacement=tag_for)
    assert targets == (target,)
    assert rewritten == f"<p>é &copy; <A  CLASS=x HREF = {quote}{{{{ link.1 }}}}{quote} >x</a >"
    template = parse(rewritten, context=Escape.HTML, allowed=KnownKeys(internal=True))
    assert targets_of(template.render({"link.1": target})) == (target,)


def test_extract_entities_are_decoded_once() -> None:
    source = '<a href="https://a.example/?a=1&amp;b=2&amp;amp;c=3&copy=4&#38;d=5">'
    assert targets_of(source) == ("https://a.example/?a=1&b=2&amp;c=3&copy=4&d=5",)


@pytest.mark.parametrize(
    "source",
    [
        '<a href="mailto:a@b.example?subject=x">',
        '<a href="tel:+4912345">',
        '<a href="sms:+4912345">',
        '<a href="#top">',
        '<a href="">',
        "<a href>",
        "<a>",
        '<a href="/relative">',
        '<a href="//a.example/">',
        '<a href="https://">',
        '<a href="https:///path">',
        '<a href="javascript:alert(1)">',
        '<a href="{{ system.unsubscribe_url }}">',
        '<a href="https://a.example/?q={{ contact.email }}">',
        '<a href="https://a.example/?q={{ contact.first_name | default: "x y" }}">',
        '<a name="https://a.example/">',
        '<img src="https://a.example/x.png">',
        '<link href="https://a.example/x.css">',
        '<!-- <a href="https://a.example/"> -->',
        "<script>'<a href=\"https://a.example/\">'</script>",
        '<title><a href="https://a.example/"></title>',
        "https://a.example/ in text",
        "<p title=\"<a href='https://a.example/'>\">",
    ],
)
def test_rewrite_what_is_not_counted_stays_as_it_is(source: str) -> None:
    assert rewrite_links(source, replacement=tag_for) == (source, ())
    assert targets_of(source) == ()


def test_rewrite_unquoted_address_gets_quotes() -> None:
    rewritten, targets = rewrite_links("<a href=https://a.example/?a=1&amp;b=2 class=x>", replacement=tag_for)
    assert rewritten == '<a href="{{ link.1 }}" class=x>'
    assert targets == ("https://a.example/?a=1&b=2",)


def test_rewrite_several_links_numbers_in_order_and_counts_doubles_apart() -> None:
    source = (
        '<!--[if mso]><v:roundrect href="https://a.example/"></v:roundrect><![endif]-->'
        '<a href="https://b.example/">b</a><map><area href="https://a.example/"></map>'
    )
    rewritten, targets = rewrite_links(source, replacement=tag_for)
    assert targets == ("https://a.example/", "https://b.example/", "https://a.example/")
    assert rewritten == (
        '<!--[if mso]><v:roundrect href="{{ link.1 }}"></v:roundrect><![endif]-->'
        '<a href="{{ link.2 }}">b</a><map><area href="{{ link.3 }}"></map>'
    )


def test_rewrite_doubled_attribute_takes_the_first() -> None:
    rewritten, targets = rewrite_links(
        '<a href="https://a.example/" href="https://b.example/">', replacement=lambda number, url: "X"
    )
    assert (rewritten, targets) == ('<a href="X" href="https://b.example/">', ("https://a.example/",))


MARKUP = st.lists(
    st.sampled_from(
        [
            "<a",
            "<a ",
            ' href="',
            "https://a.example/",
            '"',
            "'",
            ">",
            "<",
            "</a>",
            "<!--",
            "-->",
            "<!--[if mso]>",
            "--!>",
            "<![endif]-->",
            "<!",
            "<?",
            "</",
            "/>",
            "<script>",
            "</script>",
            "<style",
            "<title>",
            "=",
            " ",
            "\n",
            "{{ x }}",
        ]
    )
    | st.text(max_size=5),
    max_size=25,
).map("".join)


@given(source=MARKUP)
def test_tokenize_any_text_covers_it_without_gaps(source: str) -> None:
    tokens = list(tokenize(source))
    assert "".join(source[token.start : token.end] for token in tokens) == source
    assert all(token.start < token.end for token in tokens)
    assert [token.start for token in tokens] == [0, *(token.end for token in tokens[:-1])][: len(tokens)]


@given(source=MARKUP)
def test_rewrite_with_the_same_address_changes_nothing_but_quotes(source: str) -> None:
    rewritten, targets = rewrite_links(source, replacement=lambda number, url: html.escape(url))
    assert targets_of(rewritten) == targets
    if not targets:
        assert rewritten == source


def test_tokenize_attribute_names_values_and_quotes() -> None:
    source = "<A b=1 c='2' D=\"3\" e f= >text</A>"
    start, text, end = tokenize(source)
    values = [(item.name, source[item.value_start : item.value_end], item.quote) for item in start.attributes]
    assert values == [("b", "1", ""), ("c", "2", "'"), ("d", "3", '"'), ("e", "", ""), ("f", "", "")]
    assert (start.name, text.kind, end.kind) == ("a", TokenKind.TEXT, TokenKind.END_TAG)
