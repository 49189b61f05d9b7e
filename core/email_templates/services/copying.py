"""A template goes to other clients, with the blocks it uses; the brand changes on the way."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from core.accounts.models import Organization
from core.common.tenancy import organization_scope
from core.email_templates.blocks import block_keys
from core.email_templates.errors import BlockRefused
from core.email_templates.models import EmailTemplate, TemplateBlock
from core.email_templates.queries import blocks_of_template, source_of
from core.email_templates.rebranding import Rebranded, rebranded
from core.email_templates.services.blocks import block_save
from core.email_templates.services.templates import CONTENT_FIELDS, template_create

COPIED = "Copied from another client"
"""Without its name: the members of the one need not know of the other."""
_SOURCES = ("subject", "preheader", "html", "text")


@dataclass(frozen=True, slots=True)
class CopiedTemplate:
    """What came of one template in one client. `blocks` are those that were copied along, by name."""

    client_id: UUID
    client: str
    template_id: UUID
    name: str
    blocks: tuple[str, ...]
    kept_blocks: tuple[str, ...]
    """Blocks that the client has already under the same key; the copy uses those."""
    replaced: tuple[str, ...]
    left: tuple[str, ...]


@transaction.atomic
def templates_copy_to(*, templates: list[EmailTemplate], clients: list[Organization]) -> list[CopiedTemplate]:
    """Copy each template (of clients in reach) into each of the clients, all or none.

    A name that is taken gets a number; a block whose key the client has stays the client's own. The caller has checked
    that the person may manage templates in all of them. Raises BlockRefused and UnreadableHtmlError.
    """
    copies: list[CopiedTemplate] = []
    for template in templates:
        source_of(template)  # what could not be sent here is not copied either
        blocks = blocks_of_template(template)
        copies += [_copy(template, blocks, client) for client in clients]
    return copies


def _copy(template: EmailTemplate, blocks: list[TemplateBlock], client: Organization) -> CopiedTemplate:
    source = template.organization
    result = rebranded({name: getattr(template, name) for name in _SOURCES}, source=source, target=client)
    with organization_scope(client):
        copied, kept, results = _copy_blocks(blocks, source, client)
        made = template_create(
            organization_id=client.pk,
            name=template.name,
            content={**{name: getattr(template, name) for name in CONTENT_FIELDS}, **result.sources},
            note=COPIED,
        )
        source_of(made)
    return CopiedTemplate(
        client_id=client.pk,
        client=str(client),
        template_id=made.pk,
        name=made.name,
        blocks=tuple(block.name for block in copied),
        kept_blocks=tuple(block.name for block in kept),
        replaced=tuple(line for one in (result, *results) for line in one.replaced),
        left=tuple(dict.fromkeys(line for one in (result, *results) for line in one.left)),
    )


def _copy_blocks(
    blocks: list[TemplateBlock], source: Organization, client: Organization
) -> tuple[list[TemplateBlock], list[TemplateBlock], list[Rebranded]]:
    """Those that were copied, those the client has already, and what was replaced; inner blocks come first."""
    existing = {block.key: block for block in TemplateBlock.objects.filter(organization_id=client.pk)}
    names = {block.name for block in existing.values()}
    copied, kept, results = [], [], []
    for block in _inner_first(blocks):
        if block.key in existing:
            kept.append(existing[block.key])
            continue
        if block.name in names:
            raise BlockRefused(
                f"{client} has another block called “{block.name}”. Give one of the two another name, then copy again."
            )
        result = rebranded({"html": block.html}, source=source, target=client)
        copy = TemplateBlock(
            organization_id=client.pk,
            name=block.name,
            key=block.key,
            category=block.category,
            html=result.sources["html"],
        )
        block_save(block=copy)
        copied.append(copy)
        results.append(result)
    return copied, kept, results


def _inner_first(blocks: list[TemplateBlock]) -> list[TemplateBlock]:
    """Blocks in an order in which each one's inner blocks stand before it."""
    by_key = {block.key: block for block in blocks}
    ordered: dict[str, TemplateBlock] = {}

    def take(block: TemplateBlock) -> None:
        for key in sorted(block_keys(block.html) & by_key.keys() - ordered.keys() - {block.key}):
            take(by_key[key])
        ordered.setdefault(block.key, block)

    for block in blocks:
        take(block)
    return list(ordered.values())
