"""Committed data, and real connections beside the test's own."""

from collections.abc import Iterator

import pytest

from core.delivery.transports.registry import transports
from tests.delivery.invariants import broken_invariants


@pytest.fixture
def ledger(transactional_db: None) -> Iterator[None]:
    """After the test the invariants of the ledger must hold; open transports are closed."""
    yield
    transports.close()
    assert broken_invariants() == {}
