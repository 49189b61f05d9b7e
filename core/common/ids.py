"""Keys in order of time (UUID version 7, RFC 9562), so that the newest rows lie together in every index."""

import datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def first_id_of(moment: datetime.datetime) -> UUID:
    """A bound: ids made at this moment or later are greater, earlier ones are not."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
