"""Writes of templates: every save that changes something makes a version."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.email_templates.errors import TemplateChangedMeanwhile, TemplateInUse
from core.email_templates.models import EmailTemplate, EmailTemplateVersion
from core.email_templates.queries import template_use
from core.email_templates.services.versions import version_add, version_keep_first

CONTENT_FIELDS = ("category", "subject", "preheader", "markup", "html", "text")
VERSIONED_FIELDS = ("name", *CONTENT_FIELDS)
_LONGEST_NAME = 120


@transaction.atomic
def template_save(*, template: EmailTemplate, note: str = "") -> bool:
    """Store a new or changed template as its next version. Returns whether there was anything to store.

    `note` says what made the version, "" for an edit. Whoever edits what others may edit calls `template_hold` first.
    """
    stored = EmailTemplate.objects.select_for_update().filter(pk=template.pk).first()
    if stored is None:
        template.version = 1
        template.save(force_insert=True)
        audit.record(action="emailtemplate.added", obj=template, changes=_changes(None, template, note))
    else:
        changes = _changes(stored, template, note)
        if not set(changes) & set(VERSIONED_FIELDS):
            return False
        version_keep_first(stored, VERSIONED_FIELDS)
        template.version = max(stored.version, 1) + 1
        template.save()
        audit.record(action="emailtemplate.changed", obj=template, changes=changes)
    version_add(template, VERSIONED_FIELDS, template.version, note)
    return True


@transaction.atomic
def template_hold(*, template_id: UUID, version: int) -> EmailTemplate:
    """Keep others from saving this template until the caller's transaction ends; returns it as it is stored.

    Raises TemplateChangedMeanwhile when it was saved since `version` was read, EmailTemplate.DoesNotExist.
    """
    stored = EmailTemplate.objects.select_for_update().get(pk=template_id)
    if stored.version != version:
        newest = stored.versions.select_related("created_by").first()
        who = str(newest.created_by) if newest and newest.created_by else "Somebody"
        raise TemplateChangedMeanwhile(
            f"{who} saved version {stored.version:,} while you were writing. What you typed is still here. Look at the "
            "versions first, or save again: yours becomes the newest version and the other one stays among them.",
            stored.version,
        )
    return stored


@transaction.atomic
def template_restore(*, template_id: UUID, number: int) -> EmailTemplate:
    """Make an earlier version the newest one, as a new version: nothing is lost. The name stays.

    Raises EmailTemplate.DoesNotExist and EmailTemplateVersion.DoesNotExist.
    """
    template = EmailTemplate.objects.select_for_update().get(pk=template_id)
    version = EmailTemplateVersion.objects.get(template=template, number=number)
    for name in CONTENT_FIELDS:
        setattr(template, name, getattr(version, name))
    template_save(template=template, note=f"Version {number:,} restored")
    return template


@transaction.atomic
def template_duplicate(*, template_id: UUID) -> EmailTemplate:
    """A second template with the same content, in the same client. Raises EmailTemplate.DoesNotExist."""
    original = EmailTemplate.objects.get(pk=template_id)
    return template_create(
        organization_id=original.organization_id,
        name=f"{original.name} (copy)",
        content={name: getattr(original, name) for name in CONTENT_FIELDS},
        note=f"Copy of “{original.name}”"[:200],
    )


def template_create(*, organization_id: UUID, name: str, content: dict[str, str], note: str) -> EmailTemplate:
    """A new template; a name that is taken gets a number. `content` holds CONTENT_FIELDS. Inside a transaction."""
    template = EmailTemplate(organization_id=organization_id, name=free_name(organization_id, name), **content)
    template_save(template=template, note=note)
    return template


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


def free_name(organization_id: UUID, name: str) -> str:
    """`name`, or with the first free number. Two at once: the second one's insert fails on the unique name."""
    stem = name[: _LONGEST_NAME - 6]
    taken = set(
        EmailTemplate.objects.filter(organization_id=organization_id, name__startswith=stem).values_list(
            "name", flat=True
        )
    )
    candidates = [stem, *(f"{stem} {number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


def _changes(stored: EmailTemplate | None, template: EmailTemplate, note: str) -> audit.Changes:
    names = list(VERSIONED_FIELDS)
    before = audit.field_values(stored, names) if stored else {}
    changes = audit.changed_fields(before, audit.field_values(template, names))
    if stored is None:
        changes = {name: pair for name, pair in changes.items() if name in ("name", "category")}
    return {**changes, "note": [None, note]} if note else changes
