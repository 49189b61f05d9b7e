"""Addresses: the fast path accepts nothing that the library refuses, and both give the same result."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from core.contacts.addresses import normalise_address
from core.contacts.errors import BadAddress

_PARTS = st.text("abzAZ09.-_+'!#@xn xé", min_size=0, max_size=12)
_ADDRESSES = st.one_of(
    st.tuples(
        _PARTS, _PARTS, st.sampled_from(["example", "com", "test", "local", "c", "12", "co.uk", "xn--p1ai", ""])
    ).map(lambda parts: f"{parts[0]}@{parts[1]}.{parts[2]}"),
    st.emails(),
    st.text(max_size=30),
)


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
