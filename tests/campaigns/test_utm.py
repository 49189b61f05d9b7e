"""UTM parameters: which addresses get them, and that nothing else of a mail changes."""

import html
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.campaigns.utm import UtmTags, tagged_html, tagged_source, tagged_text, tagged_url
from core.email_templates.preview import MailSource

TAGS = UtmTags({"utm_source": "news letter", "utm_campaign": "spring"})
ADDED = "utm_source=news%20letter&utm_campaign=spring"


@pytest.mark.parametrize(
    ("url", "tagged"),
    [
        ("https://shop.example", f"https://shop.example?{ADDED}"),
        ("https://shop.example/a?b=1&c", f"https://shop.example/a?b=1&c&{ADDED}"),
        ("https://shop.example/a?", f"https://shop.example/a?{ADDED}"),
        ("https://shop.example/a#top", f"https://shop.example/a?{ADDED}#top"),
        ("https://shop.example/?utm_source=own", "https://shop.example/?utm_source=own&utm_campaign=spring"),
        ("https://shop.example/?UTM_Source=own&utm_campaign=x", "https://shop.example/?UTM_Source=own&utm_campaign=x"),
        (
            'https://shop.example/{{ contact.id }}?q={{ contact.city | default: "a&b#c" }}#{{ x }}',
            'https://shop.example/{{ contact.id }}?q={{ contact.city | default: "a&b#c" }}&' + ADDED + "#{{ x }}",
        ),
    ],
)  # fmt: skip
def test_web_address_gets_what_it_lacks(url: str, tagged: str) -> None:
    assert tagged_url(url, TAGS) == tagged


@pytest.mark.parametrize(
    "url",
    [
        "mailto:a@shop.example",
        "tel:+34600",
        "#top",
        "/offer",
        "",
        "https://",
        "https://[broken",
        "{{ system.unsubscribe_url }}",
        "{{ contact.page }}",
        "https://{{ contact.host }}/a",
        "https://go.example/?to={{ system.preferences_url }}",
    ],
)
def test_other_addresses_stay(url: str) -> None:
    assert tagged_url(url, TAGS) == url


def test_only_listed_hosts_and_those_below_them_are_tagged() -> None:
    tags = UtmTags(TAGS.parameters, ("www.Shop.example",))

    assert tagged_url("https://SHOP.example/a", tags) != "https://SHOP.example/a"
    assert tagged_url("https://blog.shop.example:8443/a", tags) != "https://blog.shop.example:8443/a"
    assert tagged_url("https://notshop.example/a", tags) == "https://notshop.example/a"


def test_html_changes_in_its_addresses_alone() -> None:
    source = (
        '<p title="https://shop.example/a">https://shop.example/a</p><img src="https://shop.example/i.png">'
        "<a href='https://shop.example/?a=1&amp;b=2'>x</a><A HREF=https://shop.example/plain>y</A>"
        '<a href="mailto:a@b.example">m</a><a href="{{ system.unsubscribe_url }}">u</a>'
    )

    tagged = tagged_html(source, TAGS)

    escaped = html.escape(ADDED)
    assert tagged == source.replace("a=1&amp;b=2'", f"a=1&amp;b=2&amp;{escaped}'").replace(
        "HREF=https://shop.example/plain", f'HREF="https://shop.example/plain?{escaped}"'
    )


def test_text_keeps_the_punctuation_behind_an_address() -> None:
    text = "See https://shop.example/a, (https://shop.example/b_(c)) or https://shop.example/{{ contact.first_name }}."

    assert tagged_text(text, TAGS) == (
        f"See https://shop.example/a?{ADDED}, (https://shop.example/b_(c)?{ADDED}) "
        f"or https://shop.example/{{{{ contact.first_name }}}}?{ADDED}."
    )


def test_without_parameters_the_mail_is_the_same() -> None:
    source = MailSource("s", "p", '<a href="https://shop.example">x</a>', "https://shop.example")

    assert tagged_source(source, UtmTags()) is source


_PART = st.text(st.characters(codec="utf-8", exclude_characters="#?&{}", exclude_categories=["C", "Z"]), max_size=12)


@settings(deadline=None)
@given(path=_PART, query=st.lists(st.tuples(_PART, _PART), max_size=3), fragment=_PART)
def test_tagging_keeps_path_query_and_fragment_and_a_second_time_changes_nothing(
    path: str, query: list[tuple[str, str]], fragment: str
) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query)
    url = f"https://shop.example/{path}" + (f"?{asked}" if asked else "") + (f"#{fragment}" if fragment else "")

    tagged = tagged_url(url, TAGS)

    before, after = urlsplit(url), urlsplit(tagged)
    assert (after.netloc, after.path, after.fragment) == (before.netloc, before.path, before.fragment)
    assert after.query.startswith(before.query.rstrip("&"))
    assert dict(parse_qsl(after.query))["utm_source"] == "news letter"
    assert tagged_url(tagged, TAGS) == tagged


@settings(deadline=None)
@given(st.lists(st.sampled_from([*"<>a=\"'{}&#;:/x ", "https://a.b", '<a href="', "{{ a }}"])).map("".join))
def test_any_html_is_taken_and_a_second_time_changes_nothing(source: str) -> None:
    once = tagged_html(source, TAGS)

    assert tagged_html(once, TAGS) == once
