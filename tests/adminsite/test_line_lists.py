"""Lists in forms, one entry a line."""

import pytest
from django.core.exceptions import ValidationError

from core.adminsite.line_lists import HostsField, LinesField


def test_lines_are_trimmed_and_kept_once() -> None:
    assert LinesField(longest=60).clean(" One \n\nTwo\r\nOne") == ["One", "Two"]


def test_lines_that_are_too_long_or_too_many_are_named() -> None:
    with pytest.raises(ValidationError, match="longer than 5"):
        LinesField(longest=5).clean("abcdef")
    with pytest.raises(ValidationError, match="101 lines"):
        LinesField(longest=9).clean("\n".join(str(n) for n in range(101)))


def test_hosts_are_cut_out_of_addresses() -> None:
    typed = "https://www.Shop.example/a?b\nblog.shop.example:8443\nmüller.example"

    assert HostsField(longest=253).clean(typed) == ["shop.example", "blog.shop.example", "müller.example"]


@pytest.mark.parametrize("typed", ["shop", "a b.example", "-x.example", "http://", "1.2.3.4"])
def test_what_is_no_host_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="is no site"):
        HostsField(longest=253).clean(typed)
