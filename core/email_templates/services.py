"""Writes of templates and starters."""

import json
from pathlib import Path
from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.common.tenancy import require
from core.email_templates.errors import BadStarterFile, TemplateInUse
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.queries import template_use

CONTENT_FIELDS = ("category", "subject", "preheader", "html", "text")
_LONGEST_NAME = 120


@transaction.atomic
def template_from_starter(*, organization_id: UUID, starter_id: UUID) -> EmailTemplate:
    """Copy a starter into a client; a name that is taken gets a number. Raises StarterTemplate.DoesNotExist."""
    require(organization_id)
    starter = StarterTemplate.objects.get(pk=starter_id)
    content = {name: getattr(starter, name) for name in CONTENT_FIELDS}
    return _create(organization_id, starter.name, content, {"starter": [None, starter.slug]})


@transaction.atomic
def template_duplicate(*, template_id: UUID) -> EmailTemplate:
    """A second template with the same content, in the same client. Raises EmailTemplate.DoesNotExist."""
    original = EmailTemplate.objects.get(pk=template_id)
    content = {name: getattr(original, name) for name in CONTENT_FIELDS}
    changes = {"copy of": [None, str(original.pk)]}
    return _create(original.organization_id, f"{original.name} (copy)", content, changes)


def refuse_template_in_use(template: EmailTemplate) -> None:
    """Raise TemplateInUse, which names the campaigns, when the template cannot be deleted."""
    use = template_use(template)
    if not use.count:
        return
    names = ", ".join(f"“{name}”" for name in use.names)
    more = f" and {use.count - len(use.names):,} more" if use.count > len(use.names) else ""
    raise TemplateInUse(
        f"“{template}” cannot be deleted: {names}{more} {'uses' if use.count == 1 else 'use'} it. "
        "Drafts can be given another template; campaigns that were sent keep theirs.",
        campaigns=use.names,
    )


def _create(organization_id: UUID, name: str, content: dict[str, str], changes: audit.Changes) -> EmailTemplate:
    free = _free_name(organization_id, name)
    template = EmailTemplate.objects.create(organization_id=organization_id, name=free, **content)
    audit.record(action="emailtemplate.added", obj=template, changes=changes)
    return template


def _free_name(organization_id: UUID, name: str) -> str:
    """`name`, or with the first free number. Two at once: the second one's insert fails on the unique name."""
    stem = name[: _LONGEST_NAME - 6]
    taken = set(
        EmailTemplate.objects.filter(organization_id=organization_id, name__startswith=stem).values_list(
            "name", flat=True
        )
    )
    candidates = [stem, *(f"{stem} {number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


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
