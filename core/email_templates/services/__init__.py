"""Writes of templates, their versions, blocks and starters."""

from core.email_templates.services.blocks import (
    block_delete,
    block_hold,
    block_restore,
    block_save,
    refuse_block_in_use,
)
from core.email_templates.services.copying import CopiedTemplate, templates_copy_to
from core.email_templates.services.starters import starter_templates_load, template_from_starter
from core.email_templates.services.templates import (
    CONTENT_FIELDS,
    refuse_template_in_use,
    template_duplicate,
    template_hold,
    template_restore,
    template_save,
)

__all__ = [
    "CONTENT_FIELDS",
    "CopiedTemplate",
    "block_delete",
    "block_hold",
    "block_restore",
    "block_save",
    "refuse_block_in_use",
    "refuse_template_in_use",
    "starter_templates_load",
    "template_duplicate",
    "template_from_starter",
    "template_hold",
    "template_restore",
    "template_save",
    "templates_copy_to",
]
