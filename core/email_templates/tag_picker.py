"""What the editor offers to insert: every merge tag of a client, with a few words on what it becomes."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from core.email_templates.contact_fields import contact_fields
from core.email_templates.merge_tags import ATTRIBUTE_PREFIX, AUTHOR_KEYS
from core.email_templates.models import TemplateBlock

_WORDS = {
    "contact.email": "their address",
    "contact.first_name": "first name",
    "contact.last_name": "last name",
    "contact.full_name": "first and last name",
    "contact.company": "company",
    "contact.phone": "phone number",
    "organization.name": "the client's name",
    "organization.postal_address": "the client's postal address",
    "campaign.name": "the campaign's name, for you only",
    "campaign.subject": "the subject of this mail",
    "system.unsubscribe_url": "link to unsubscribe",
    "system.preferences_url": "link to the mail preferences",
    "system.view_in_browser_url": "link to the mail in the browser",
}
_GROUPS = {
    "contact": "Contact",
    "organization": "Client",
    "campaign": "Campaign",
    "system": "Links for each person",
    "brand": "Brand",
}


@dataclass(frozen=True, slots=True)
class PickedTag:
    """One tag: its key, what it becomes, and whether a value can be missing (a fallback and a condition help)."""

    key: str
    words: str
    can_be_missing: bool = False


@dataclass(frozen=True, slots=True)
class TagGroup:
    title: str
    tags: tuple[PickedTag, ...]


def tag_groups(organization_id: UUID | None) -> list[TagGroup]:
    """The tags to offer for this client, in its scope; without one those that every client has. Two queries."""
    groups = [group for group in _known_groups() if group.tags]
    fields = contact_fields(organization_id)
    own = tuple(PickedTag(ATTRIBUTE_PREFIX + name, label, True) for name, label in fields.items())
    blocks: tuple[PickedTag, ...] = ()
    if organization_id is not None:
        found = TemplateBlock.objects.filter(organization_id=organization_id).order_by("name")
        blocks = tuple(PickedTag(f"block.{block.key}", block.name) for block in found)
    extra = [TagGroup("Own fields", own), TagGroup("Blocks", blocks)]
    return [*groups[:1], *(group for group in extra if group.tags), *groups[1:]]


def _known_groups() -> Iterator[TagGroup]:
    for prefix, title in _GROUPS.items():
        keys = [key for key in AUTHOR_KEYS if key.startswith(f"{prefix}.")]
        yield TagGroup(title, tuple(PickedTag(key, _said(key), prefix == "contact") for key in keys))


def _said(key: str) -> str:
    return _WORDS.get(key) or key.partition(".")[2].replace("_", " ")
