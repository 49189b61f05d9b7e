"""Which worker of a run on several cores gets which tests, and when; loaded with ``-p``.

The pieces are files, as with plain ``--dist loadfile``, but for two kinds. The browser's files share one running
product, so they are one piece. The walks over all pages are pieces test by test, each of them as long as many files.
Long pieces go first: at the end no worker waits for the other one's last.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

ONE_PIECE = "tests/browser"
"""A folder whose fixtures are made once for all of its files."""
TEST_BY_TEST = ("tests/architecture/test_isolation.py", "tests/architecture/test_permissions.py")
LONG = (
    ONE_PIECE,
    "tests/concurrency/",
    *TEST_BY_TEST,
    "tests/common/test_embedded",
    "tests/contacts/test_import_concurrency.py",
    "tests/tracking/inbound/test_any_order.py",
    "tests/tracking/test_labelled_replay.py",
)
"""What goes first, in this order. By what they took; a new long one belongs here."""


class LongestFirst(LoadFileScheduling):
    """Files in order of the collection, which `pytest_collection_modifyitems` has put in order."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ONE_PIECE):
            return ONE_PIECE
        return nodeid if nodeid.startswith(TEST_BY_TEST) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongestFirst | None:
    """None: somebody has asked for another kind."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # xdist would start with the files of most tests, and those are quick
    return LongestFirst(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first; the order among others, and inside of files, stays as pytest-django has made it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    return next((place for place, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))
