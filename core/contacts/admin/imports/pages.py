"""What the import's pages share: their addresses, who reaches them, and where one stands."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.contacts.choices import ImportStatus
from core.contacts.imports.preview import is_counting_due
from core.contacts.models import ContactGroup, ContactImport
from core.contacts.presentation import live
from core.contacts.queries import import_progress

STEPS = ("File", "Columns", "Check", "Run", "Result")
FILE, COLUMNS, CHECK, RUN, RESULT = range(len(STEPS))


def page_url(page: str, import_id: UUID) -> str:
    return reverse(f"admin:contacts_contactimport_{page}", args=[import_id])


def result_url(import_id: UUID) -> str:
    return page_url("change", import_id)


def next_url(contact_import: ContactImport) -> str:
    """The page this import is at: wherever somebody comes from, and whatever another tab did meanwhile."""
    if contact_import.status != ImportStatus.DRAFT:
        return result_url(contact_import.pk)
    return page_url("check" if contact_import.consent_basis else "columns", contact_import.pk)


def steps_to(now: int, contact_import: ContactImport | None = None) -> list[dict[str, Any]]:
    """The step indicator. Back is possible as long as nothing has been confirmed, and on from chosen columns."""
    urls: dict[int, str] = {}
    if contact_import is not None and contact_import.status == ImportStatus.DRAFT:
        urls = {FILE: reverse("admin:contacts_contactimport_import"), COLUMNS: page_url("columns", contact_import.pk)}
        if contact_import.consent_basis:
            urls[CHECK] = page_url("check", contact_import.pk)
    return [
        {
            "label": label,
            "state": "done" if number < now else "now" if number == now else "later",
            "url": urls.get(number, "") if number != now else "",
        }
        for number, label in enumerate(STEPS)
    ]


def groups_of(contact_import: ContactImport) -> Sequence[ContactGroup]:
    """The target groups that are still there."""
    groups = ContactGroup.objects.filter(
        organization_id=contact_import.organization_id, pk__in=contact_import.group_ids
    )
    return list(groups)


def live_of(contact_import: ContactImport) -> dict[str, Any]:
    return live(import_progress(contact_import), is_counting=is_counting_due(contact_import))


class ImportPages(OrganizationModelAdmin):
    """Finds the import of a page and draws the page. For ContactImportAdmin."""

    def _found(self, request: HttpRequest, import_id: UUID) -> ContactImport:
        """The import, if it is in reach. Raises Http404, or PermissionDenied for a role that may not import."""
        contact_import = ContactImport.objects.select_related("organization").filter(pk=import_id).first()
        if contact_import is None:
            raise Http404
        access_of(request).require(Permission.CONTACTS_IMPORT, contact_import.organization_id)
        return contact_import

    def _page(
        self, request: HttpRequest, template: str, contact_import: ContactImport | None, *, title: str, **context: Any
    ) -> TemplateResponse:
        shared = self.admin_site.each_context(request)
        everything = {**shared, "title": title, "opts": self.opts, "contact_import": contact_import, **context}
        return TemplateResponse(request, template, everything)
