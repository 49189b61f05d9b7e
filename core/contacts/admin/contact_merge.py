"""Contacts side by side, and whose values one of them keeps."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.addresses import email_key_of
from core.contacts.admin.contact_header import consent_words
from core.contacts.choices import CONTACT_STATUS_COLORS, ContactStatus
from core.contacts.errors import MergeRefused
from core.contacts.field_usage import value_text
from core.contacts.merging import MOST_MERGED, is_strict, merged_fields
from core.contacts.models import Contact, ContactField
from core.contacts.profile import duplicates_of

VALUE_OF = "value_of:"
"""Begins the names of the page's radio buttons."""


class ContactMergeMixin(OrganizationModelAdmin):
    """The page of an action of the contact; the contacts to compare stand in its address (`?with=`)."""

    _living_contact: Any

    @action(description="Merge", url_path="merge", icon="merge", permissions=["contacts_manage"])
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact: Contact = self._living_contact(request, object_id, Permission.CONTACTS_MANAGE)
        with organization_scope(contact.organization_id):
            try:
                contacts = _compared(contact, request.GET.getlist("with"))
                typed = request.GET.get("address", "").strip()
                if typed:
                    return self._with_address(request, contact, contacts, typed)
                if request.method == "POST" and len(contacts) > 1:
                    return self._merge(request, contacts)
            except DomainError as error:
                self.message_user(request, str(error), level="error")
                return HttpResponseRedirect(_page(contact.pk, []))
            return self._page(request, contact, contacts).render()

    def _with_address(
        self, request: HttpRequest, contact: Contact, contacts: list[Contact], typed: str
    ) -> HttpResponse:
        """Somebody typed the address of another one to compare with."""
        found = Contact.objects.filter(
            organization_id=contact.organization_id, email_key=email_key_of(typed[:320]), deleted_at=None
        ).first()
        others = [other.pk for other in contacts if other.pk != contact.pk]
        if found is None or found.pk == contact.pk:
            self.message_user(request, f"No other contact has the address {typed[:100]}.", level="error")
        else:
            others = list(dict.fromkeys([*others, found.pk]))[: MOST_MERGED - 1]
        return HttpResponseRedirect(_page(contact.pk, others))

    def _merge(self, request: HttpRequest, contacts: list[Contact]) -> HttpResponse:
        known = {str(contact.pk): contact for contact in contacts}
        winner = known.get(request.POST.get("winner", ""))
        if winner is None:
            raise MergeRefused("Choose whose address is kept.")
        names = [field.name for field in merged_fields(contacts)]
        chosen = {name: known.get(request.POST.get(f"{VALUE_OF}{name}", "")) for name in names}
        losers = [contact.pk for contact in contacts if contact.pk != winner.pk]
        merged = services.contacts_merge(
            winner_id=winner.pk,
            loser_ids=losers,
            choices={name: contact.pk for name, contact in chosen.items() if contact},
        )
        gone = ", ".join(contact.email for contact in contacts if contact.pk != winner.pk)
        self.message_user(request, f"{gone} became part of {merged}. The story of all goes on here.")
        return HttpResponseRedirect(reverse("admin:contacts_contact_change", args=[merged.pk]))

    def _page(self, request: HttpRequest, contact: Contact, contacts: list[Contact]) -> TemplateResponse:
        fields = list(ContactField.objects.filter(organization_id=contact.organization_id))
        compared = merged_fields(contacts, fields) if len(contacts) > 1 else []
        shown = {other.pk for other in contacts}
        context = {
            **self.admin_site.each_context(request),
            "title": f"Merge {contact}",
            "opts": self.opts,
            "contact": contact,
            "contacts": [_column(other) for other in contacts],
            "others": [str(other.pk) for other in contacts[1:]],
            "rows": [_row(field, contacts) for field in compared],
            "suggestions": [found for found in duplicates_of(contact) if found.contact.pk not in shown],
            "may_add": len(contacts) < MOST_MERGED,
            "stays_unsubscribed": next((other for other in contacts if is_strict(other)), None),
            "losers": len(contacts) - 1,
            "back_url": reverse("admin:contacts_contact_change", args=[contact.pk]),
        }
        return TemplateResponse(request, "contacts/contact_merge.html", context)


def _page(contact_id: UUID, others: list[UUID]) -> str:
    query = "&".join(f"with={pk}" for pk in others)
    return reverse("admin:contacts_contact_merge", args=[contact_id]) + (f"?{query}" if query else "")


def _compared(contact: Contact, others: list[str]) -> list[Contact]:
    """The contact and the living others of its client that the address names. Raises MergeRefused past MOST_MERGED."""
    ids = [pk for pk in dict.fromkeys(map(_uuid, others)) if pk and pk != contact.pk]
    if len(ids) >= MOST_MERGED:
        raise MergeRefused(f"These are {len(ids) + 1} contacts. Merge up to {MOST_MERGED} at once.")
    found = Contact.objects.filter(organization_id=contact.organization_id, pk__in=ids, deleted_at=None)
    by_id = {other.pk: other for other in found}
    return [contact, *(by_id[pk] for pk in ids if pk in by_id)]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _column(contact: Contact) -> dict[str, Any]:
    return {
        "contact": contact,
        "status": contact.get_status_display(),
        "status_color": CONTACT_STATUS_COLORS[ContactStatus(contact.status)],
        "consent": consent_words(contact),
        "tags": ", ".join(contact.tags),
        "groups": ", ".join(contact.group_memberships.order_by("group__name").values_list("group__name", flat=True)),
    }


def _row(field: Any, contacts: list[Contact]) -> dict[str, Any]:
    cells = [
        {"contact": contact, "text": value_text(value), "is_default": contact.pk == field.default}
        for contact, value in zip(contacts, field.values, strict=True)
    ]
    return {"name": f"{VALUE_OF}{field.name}", "label": field.label, "differs": field.differs, "cells": cells}
