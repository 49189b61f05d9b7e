"""Counting stops at the cap."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.accounts.models import Organization
from core.common import paginator
from core.common.paginator import CappedPaginator
from core.contacts.models import Contact
from tests.support import factories


@pytest.fixture(autouse=True)
def _cap_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paginator, "COUNT_CAP", 3)


@pytest.mark.parametrize(("rows", "count", "is_capped"), [(2, 2, False), (3, 3, False), (4, 3, True), (9, 3, True)])
def test_count_of_long_list_stops_at_cap(in_florist: Organization, rows: int, count: int, is_capped: bool) -> None:
    for _ in range(rows):
        factories.make_contact(in_florist)
    pages = CappedPaginator(Contact.objects.all(), 2)
    assert (pages.count, pages.is_capped) == (count, is_capped)
    assert pages.num_pages == (count + 1) // 2


def test_count_is_asked_once_and_with_a_limit(in_florist: Organization) -> None:
    pages = CappedPaginator(Contact.objects.order_by("-id"), 2)
    with CaptureQueriesContext(connection) as captured:
        assert pages.count == 0
        assert not pages.is_capped
    assert len(captured) == 1
    assert "LIMIT 4" in captured[0]["sql"]
    assert "ORDER BY" not in captured[0]["sql"]


def test_list_of_plain_objects_is_counted_whole() -> None:
    assert CappedPaginator(["a", "b"], 2).count == 2
