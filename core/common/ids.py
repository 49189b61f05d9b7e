"""Keys in order of time (UUID version 7, RFC 9562), so that the newest rows lie together in every index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
