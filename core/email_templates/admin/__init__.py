"""Templates with their editor and versions, blocks, and the agency's starters."""

from core.email_templates.admin.blocks import TemplateBlockAdmin
from core.email_templates.admin.starters import StarterTemplateAdmin
from core.email_templates.admin.templates import EmailTemplateAdmin

__all__ = ["EmailTemplateAdmin", "StarterTemplateAdmin", "TemplateBlockAdmin"]
