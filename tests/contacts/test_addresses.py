"""Addresses: the fast path accepts nothing that the library refuses, and both give the same result."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contacts.address_kinds import ROLE_NAMES, is_disposable, is_role
from core.contacts.addresses import address_in, email_key_of, email_keys_of, normalise_address, plain_addresses
from core.contacts.errors import BadAddress

# These tests are about results: how long a busy machine takes to make the examples says nothing.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_PARTS = st.text("abzAZ09.-_+'!#@xn xé", min_size=0, max_size=12)
_ADDRESSES = st.one_of(
    st.tuples(
        _PARTS, _PARTS, st.sampled_from(["example", "com", "test", "local", "c", "12", "co.uk", "xn--p1ai", ""])
    ).map(lambda parts: f"{parts[0]}@{parts[1]}.{parts[2]}"),
    st.emails(),
    st.text(max_size=30),
)


@_UNHURRIED
@given(_ADDRESSES)
def test_normalise_address_any_text_agrees_with_the_library(text: str) -> None:
    try:
        expected = validate_email(text.strip(), check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        with pytest.raises(BadAddress):
            normalise_address(text)
        return
    assert normalise_address(text).email == expected


@pytest.mark.parametrize(
    ("raw", "email", "key"),
    [
        (" Anna.Berg+news@Shop.EXAMPLE\t", "Anna.Berg+news@shop.example", "anna.berg+news@shop.example"),
        ("o'hara@shop.example", "o'hara@shop.example", "o'hara@shop.example"),
        ("José@Bücher.example", "José@bücher.example", "josé@bücher.example"),
        ("a@xn--bcher-kva.example", "a@bücher.example", "a@bücher.example"),
    ],
)
def test_normalise_address_good_address_is_kept_and_keyed(raw: str, email: str, key: str) -> None:
    assert normalise_address(raw) == (email, key)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "empty"),
        ("anna.shop.example", "missing an @"),
        ("anna@", "nothing stands after the @"),
        ("@shop.example", "nothing stands before the @"),
        ("anna@shop", "no full domain"),
        ("an na@shop.example", "a space inside"),
        ("a@b@shop.example", "more than one @"),
        ("anna@shop..example", "two dots"),
        ("anna@" + "x" * 260 + ".example", "longer than 254"),
        ("anna@host.local", "not an email address"),
    ],
)
def test_normalise_address_bad_address_says_what_is_wrong(raw: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words):
        normalise_address(raw)


@_UNHURRIED
@given(st.lists(_ADDRESSES.map(str.strip), min_size=1, max_size=8))
def test_plain_addresses_many_texts_agree_with_one_at_a_time(texts: list[str]) -> None:
    for text, plain in zip(texts, plain_addresses(texts), strict=True):
        if plain:
            assert normalise_address(text) == (plain, plain.lower())
        elif text.isascii() and "xn--" not in text.lower():
            with pytest.raises(BadAddress):
                normalise_address(text)


@_UNHURRIED
@given(st.lists(st.emails(), max_size=5))
def test_email_keys_of_many_are_those_of_each(emails: list[str]) -> None:
    assert email_keys_of(emails) == [email_key_of(email) for email in emails]


@pytest.mark.parametrize(
    "cell",
    [
        "mailto:anna@shop.example?subject=Hi",
        "Anna Berg <anna@shop.example>",
        '"Berg, Anna" <ANNA@shop.example>;',
        "\u200banna@shop\u00ad.example.",
        "<anna@shop.example>,",
        "(anna@shop.example)",
    ],
)
def test_address_in_what_surrounds_an_address_is_left_out(cell: str) -> None:
    assert address_in(cell).email_key == "anna@shop.example"


def test_address_in_two_addresses_are_refused_with_the_cell_as_it_is() -> None:
    with pytest.raises(BadAddress, match="a space inside"):
        address_in("anna@shop.example, berta@shop.example")


def test_is_role_names_of_both_languages_also_with_tags() -> None:
    assert all(is_role(name) for name in ("info", "ventas", "postmaster", "atencionalcliente", "support+eu"))
    assert not any(is_role(name) for name in ("anna", "info.anna", "informant", ""))
    assert all(name == name.lower() and name.isascii() for name in ROLE_NAMES)


def test_is_disposable_domains_and_those_below_them() -> None:
    assert is_disposable("mailinator.com")
    assert is_disposable("news.mailinator.com")
    assert not is_disposable("gmail.com")
    assert not is_disposable("com")
    assert not is_disposable("")
