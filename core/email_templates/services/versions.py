"""Versions: what templates and blocks said after each save, kept for good."""

from collections.abc import Iterable

from core.common.request_context import current_context
from core.email_templates.models import EmailTemplate, TemplateBlock

Owner = EmailTemplate | TemplateBlock


def version_add(owner: Owner, fields: Iterable[str], number: int, note: str, *, by_somebody: bool = True) -> None:
    """Keep these fields as they stand in `owner` as its version of this number. Inside a transaction."""
    owner.versions.create(
        organization_id=owner.organization_id,
        number=number,
        note=note,
        created_by_id=current_context().actor_id if by_somebody else None,
        **{name: getattr(owner, name) for name in fields},
    )


def version_keep_first(stored: Owner, fields: Iterable[str]) -> None:
    """What was there before versions were kept is the first of them."""
    if not stored.versions.exists():
        version_add(stored, fields, max(stored.version, 1), "", by_somebody=False)
