"""The list of links: each with text and target, and what a careful reader says about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.email_templates.link_list import MAX_LINKS, links_of
from core.email_templates.structure import remarks_on


def codes(html: str) -> list[str]:
    return [remark.code for link in links_of(html) for remark in link.remarks]


def test_links_have_line_text_target_and_merge_tags() -> None:
    html = (
        '<p>\n<a href="https://shop.example/a?x=1&amp;y=2">Our <b>shop</b>\n now</a>'
        '<a href="https://shop.example/?c={{ contact.email }}"><img src="x" alt="A bunch"></a></p>'
    )
    first, second = links_of(html)
    assert (first.line, first.text, first.target) == (2, "Our shop now", "https://shop.example/a?x=1&y=2")
    assert (second.line, second.text, second.tags) == (3, "A bunch", ("{{ contact.email }}",))


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("", "link_empty"),
        ("#", "link_empty"),
        ("www.shop.example", "link_no_scheme"),
        ("/shop", "link_no_scheme"),
        ("http://shop.example", "link_http"),
        ("javascript:alert(1)", "link_removed"),
        ("ftp://shop.example", "link_removed"),
        ("https://localhost/x", "link_private"),
        ("https://shop", "link_private"),
        ("https://10.1.2.3/", "link_private"),
        ("https://[::1]/", "link_private"),
        ("https://shop.local/", "link_private"),
        ("https://8.8.8.8/", "link_ip"),
        ("https://www.bit.ly/x", "link_shortener"),
        ("https://ann@shop.example/", "link_user"),
        ("https://shop.example/a b", "link_space"),
        ("https://[x/", "link_unreadable"),
        ("https:///x", "link_unreadable"),
        ("mailto:ann", "link_no_address"),
    ],
)
def test_target_with_trouble_is_warned_about(target: str, code: str) -> None:
    assert code in codes(f'<a href="{target}">The spring offer</a>')


@pytest.mark.parametrize(
    "target",
    [
        "https://shop.example/offer",
        "mailto:ann@shop.example",
        "tel:+4930123",
        "#top",
        "{{ system.unsubscribe_url }}",
        "https://shop.example/{{ contact.first_name }}",
    ],
)
def test_ordinary_target_is_left_alone(target: str) -> None:
    assert codes(f'<a href="{target}">The spring offer</a>') == []


def test_text_that_shows_another_site_is_warned_about() -> None:
    assert codes('<a href="https://evil.example/">www.bank.example</a>') == ["link_mismatch"]
    assert codes('<a href="https://www.bank.example/x">bank.example</a>') == []
    assert codes('<a href="https://news.bank.example/x">https://bank.example/y</a>') == []


def test_same_text_to_two_targets_is_warned_about_once_said_with_the_other() -> None:
    html = '<a href="https://a.example/1">Roses</a><a href="https://a.example/2">roses</a>'
    (remark,) = links_of(html)[1].remarks
    assert remark.code == "link_ambiguous" and "https://a.example/1" in remark.message
    assert links_of(html)[0].remarks == ()


@pytest.mark.parametrize("text", ["Click here", "here »", "Read more", "leer más"])
def test_text_that_says_nothing_is_a_hint(text: str) -> None:
    (remark,) = links_of(f'<a href="https://a.example/">{text}</a>')[0].remarks
    assert remark.code == "link_vague" and remark.is_hint


def test_link_without_words_is_warned_about() -> None:
    assert codes('<a href="https://a.example/"><img src="x" alt=""></a>') == ["link_no_text"]


def test_a_mail_full_of_links_is_cut_off() -> None:
    assert len(links_of('<a href="https://a.example/">a</a>' * (MAX_LINKS + 5))) == MAX_LINKS


@given(
    st.lists(st.sampled_from(["<a href='", "'>", "</a>", "<area href=", "https://", "[", "@", "x", " "])).map("".join)
)
def test_any_html_raises_nothing(html: str) -> None:
    links_of(html)
    list(remarks_on(html))


def test_structure_hints_name_line_and_kind() -> None:
    html = "<html>\n<h1>a</h1>\n<h3>b</h3><table><tr><td></td></tr></table>\n<img src='x'></html>"
    assert [(one.code, one.line, one.is_hint) for one in remarks_on(html)] == [
        ("no_language", 1, True),
        ("heading_order", 3, True),
        ("alt", 4, False),
        ("table_role", 3, True),
        ("no_address", 0, True),
    ]


def test_structure_of_a_careful_mail_is_left_alone() -> None:
    html = (
        '<html lang="en"><h1>a</h1><h2>b</h2><table role="presentation"><tr><td></td></tr></table>'
        '<img src="x" alt="">{{ organization.postal_address }}</html>'
    )
    assert list(remarks_on(html)) == []
