"""Pieces of forms that several admin classes share."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminSelectWidget

from core.common.errors import DomainError
from core.common.validators import time_zone_names


class _RolledBack(Exception):
    """Ends the trial run of a service."""


def refusal_of(work: Callable[[], Any]) -> str:
    """Try a service in a savepoint that is always rolled back. Returns the sentence of its refusal, or "".

    So that a form shows the refusal beside the field and keeps what was typed, by the service's own rules.
    """
    try:
        with transaction.atomic():
            work()
            raise _RolledBack
    except _RolledBack:
        return ""
    except DomainError as error:
        return str(error)


def time_zone_widget() -> UnfoldAdminSelectWidget:
    return UnfoldAdminSelectWidget(choices=[(name, name.replace("_", " ")) for name in sorted(time_zone_names())])


def color_widget() -> UnfoldAdminColorInputWidget:
    return UnfoldAdminColorInputWidget()
