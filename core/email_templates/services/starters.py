"""The agency's starters: loaded from files, copied into clients."""

import json
from pathlib import Path
from uuid import UUID

from django.db import transaction

from core.common.tenancy import require
from core.email_templates.errors import BadStarterFile
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.services.templates import CONTENT_FIELDS, template_create


@transaction.atomic
def template_from_starter(*, organization_id: UUID, starter_id: UUID) -> EmailTemplate:
    """Copy a starter into a client; a name that is taken gets a number. Raises StarterTemplate.DoesNotExist."""
    require(organization_id)
    starter = StarterTemplate.objects.get(pk=starter_id)
    return template_create(
        organization_id=organization_id,
        name=starter.name,
        content={name: getattr(starter, name) for name in CONTENT_FIELDS},
        note=f"Begun from the design “{starter.name}”"[:200],
    )


@transaction.atomic
def starter_templates_load(directory: Path) -> int:
    """Add the starters of `directory`/index.json that are not there yet; returns how many it added.

    What superusers edited or added stays. Raises BadStarterFile.
    """
    added = 0
    try:
        entries = json.loads((directory / "index.json").read_text(encoding="utf-8"))
        for entry in entries:
            html = (directory / entry["html"]).read_text(encoding="utf-8")
            _, is_new = StarterTemplate.objects.get_or_create(slug=entry["slug"], defaults={**entry, "html": html})
            added += is_new
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadStarterFile(f"The starter templates in {directory} cannot be loaded: {error}") from error
    return added
