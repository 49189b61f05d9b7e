"""Writes of blocks. What templates say changes with them, so every template that uses one is looked at again."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.email_templates.errors import BlockRefused, TemplateChangedMeanwhile
from core.email_templates.html import UnreadableHtmlError
from core.email_templates.models import TemplateBlock, TemplateBlockVersion
from core.email_templates.queries import BlockUse, block_use, source_of, templates_with_block
from core.email_templates.services.versions import version_add, version_keep_first

_FIELDS = ["name", "key", "category", "html"]
_NAMED = 5


@transaction.atomic
def block_save(*, block: TemplateBlock, note: str = "") -> bool:
    """Store a new or changed block as its next version. Returns whether there was anything to store.

    Raises BlockRefused when a template that uses it could no longer be put together, or would lose it by a new key.
    """
    stored = TemplateBlock.objects.select_for_update().filter(pk=block.pk).first()
    before = audit.field_values(stored, _FIELDS) if stored else {}
    changes = audit.changed_fields(before, audit.field_values(block, _FIELDS))
    if stored and not changes:
        return False
    if stored and stored.key != block.key:
        _refuse_in_use(block, block_use(stored), "cannot be called something else in templates")
    if stored:
        version_keep_first(stored, _FIELDS)
    block.version = max(stored.version, 1) + 1 if stored else 1
    block.save()
    version_add(block, _FIELDS, block.version, note)
    audit.record(action=f"templateblock.{'changed' if stored else 'added'}", obj=block, changes=changes)
    for template in templates_with_block(block.organization_id, block.key):
        try:
            source_of(template)
        except UnreadableHtmlError as error:
            raise BlockRefused(f"With this change the template “{template}” could not be sent. {error}") from error
    return True


@transaction.atomic
def block_restore(*, block_id: UUID, number: int) -> TemplateBlock:
    """Make an earlier version the newest one, as a new version: nothing is lost. Its names stay, because templates
    know it by them.

    Raises BlockRefused, TemplateBlock.DoesNotExist and TemplateBlockVersion.DoesNotExist.
    """
    block = TemplateBlock.objects.select_for_update().get(pk=block_id)
    version = TemplateBlockVersion.objects.get(block=block, number=number)
    block.category, block.html = version.category, version.html
    block_save(block=block, note=f"Version {number:,} restored")
    return block


@transaction.atomic
def block_hold(*, block_id: UUID, version: int) -> TemplateBlock:
    """As `template_hold`, for a block. Raises TemplateChangedMeanwhile and TemplateBlock.DoesNotExist."""
    stored = TemplateBlock.objects.select_for_update().get(pk=block_id)
    if stored.version != version:
        raise TemplateChangedMeanwhile(
            "Somebody else saved this block while you were writing. What you typed is still here: look at the versions "
            "first, or save again to put yours in its place.",
            stored.version,
        )
    return stored


@transaction.atomic
def block_delete(*, block_id: UUID) -> None:
    """Raises BlockRefused, which names the templates, for a block in use, and TemplateBlock.DoesNotExist."""
    block = TemplateBlock.objects.select_for_update().get(pk=block_id)
    refuse_block_in_use(block)
    audit.record(action="templateblock.deleted", obj=block)
    block.delete()


def refuse_block_in_use(block: TemplateBlock) -> None:
    """Raise BlockRefused, which names the templates and blocks, when the block cannot be deleted."""
    _refuse_in_use(block, block_use(block), "cannot be deleted")


def _refuse_in_use(block: TemplateBlock, use: BlockUse, refusal: str) -> None:
    names = [f"“{row}”" for row in (*use.templates, *use.blocks)]
    if not names:
        return
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    raise BlockRefused(
        f"“{block}” {refusal}: {', '.join(names[:_NAMED])}{more} {'uses' if len(names) == 1 else 'use'} it. "
        f"Take {{{{ block.{block.key} }}}} out there first.",
        templates=tuple(names[:_NAMED]),
    )
