"""Tags as people type them, and the client's list of those in use."""

from collections.abc import Iterable
from uuid import UUID

from core.contacts.errors import BadTag
from core.contacts.models import ContactTag

LONGEST_TAG = 60
MOST_TAGS = 100
"""Of one contact. More than these are somebody's list of ids."""


def clean_tags(texts: Iterable[str]) -> list[str]:
    """Tags without doubles and needless spaces, in the order of typing. Raises BadTag for one that cannot be kept."""
    tags = [clean_tag(text) for text in texts if text.strip()]
    found = list(dict.fromkeys(tags))
    if len(found) > MOST_TAGS:
        raise BadTag(f"These are {len(found)} tags. A contact can have {MOST_TAGS}.")
    return found


def clean_tag(text: str) -> str:
    """One tag. Raises BadTag."""
    tag = " ".join(text.split())
    if not tag:
        raise BadTag("The tag has no name.")
    if not tag.isprintable():
        raise BadTag("A tag holds a character that cannot be shown.")
    if "," in tag:
        raise BadTag(f"“{tag[:LONGEST_TAG]}” holds a comma. Commas stand between tags.")
    if len(tag) > LONGEST_TAG:
        raise BadTag(f"“{tag[:20]}…” is longer than {LONGEST_TAG} characters.")
    return tag


def register_tags(*, organization_id: UUID, tags: Iterable[str]) -> None:
    """Keep the client's list of tags in step, inside the caller's transaction. Sorted, against deadlocks."""
    rows = [ContactTag(organization_id=organization_id, name=tag) for tag in sorted(set(tags))]
    ContactTag.objects.bulk_create(rows, ignore_conflicts=True)
