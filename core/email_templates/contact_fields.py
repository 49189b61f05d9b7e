"""The client's own contact fields, as merge tags: what they are called is known to rooms above this one.

`core.campaigns` stands above both contacts and templates and says at start-up how the fields are read.
"""

from collections.abc import Callable
from uuid import UUID

Reader = Callable[[UUID], dict[str, str]]
"""From a client's id to the labels of its fields by key. Called in the client's scope."""

_readers: list[Reader] = []


def read_with(reader: Reader) -> None:
    """From now on the fields are read with this."""
    _readers[:] = [reader]


def contact_fields(organization_id: UUID | None) -> dict[str, str]:
    """The labels of the client's own fields by key, in their order; empty without a client."""
    return _readers[0](organization_id) if _readers and organization_id is not None else {}
