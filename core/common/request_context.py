"""Who is acting, from where, under which request id: set by middleware and task base, read by audit and logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`ip_address` as text or None; `actor_label` is the signed-in address, or the job's name."""

    request_id: str = ""
    actor_id: UUID | None = None
    actor_label: str = "system"
    ip_address: str | None = None


_NOBODY = RequestContext()
_context: ContextVar[RequestContext] = ContextVar("request_context", default=_NOBODY)


def current_context() -> RequestContext:
    return _context.get()


@contextmanager
def request_context(**fields: Any) -> Iterator[RequestContext]:
    """Replace the context for the length of the block."""
    token = _context.set(RequestContext(**fields))
    try:
        yield _context.get()
    finally:
        _context.reset(token)
