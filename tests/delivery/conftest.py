"""Fixtures of the pipeline's tests: a loopback server, and the invariants after every test that sent something."""

from collections.abc import Iterator

import pytest

from core.delivery.transports.registry import transports
from tests.delivery.invariants import broken_invariants
from tests.support.smtp_server import SmtpServer


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def ledger(db: None) -> Iterator[None]:
    """After the test the invariants of the ledger must hold; open transports are closed."""
    yield
    transports.close()
    assert broken_invariants() == {}
