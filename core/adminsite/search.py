"""The command palette: pages, clients and campaigns that begin with what was typed, and contacts that have it anywhere.

Nothing is cached: each result belongs to the clients in reach at this moment, and each query is bounded.
"""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.navigation import MENU, link_or_none, offered_entries
from core.campaigns.models import Campaign
from core.contacts.models import Contact
from core.contacts.search import SHORTEST_PART, search_contacts

PER_KIND = 5
LONGEST_TERM = 100


def command_results(request: HttpRequest, term: str) -> list[SearchResult]:
    """At most PER_KIND results of each kind, pages first."""
    access: Access = request.access  # type: ignore[attr-defined]
    term = term.strip().lower()[:LONGEST_TERM]
    if not term:
        return []
    return [*_pages(access, term), *_clients(access, term), *_campaigns(access, term), *_contacts(access, term)]


def _pages(access: Access, term: str) -> list[SearchResult]:
    found = [
        SearchResult(offered.entry.title, group.title or "Page", offered.link, offered.entry.icon)
        for group in MENU
        for offered in offered_entries(access, group)
        if _has_word(offered.entry.title, term)
    ]
    return found[:PER_KIND]


def _clients(access: Access, term: str) -> list[SearchResult]:
    if len(access.organizations) < 2:
        return []
    found = [organization for organization in access.organizations if _has_word(organization.name, term)]
    return [
        SearchResult(client.name, "Client", reverse("admin:open_client", args=[client.pk]), "apartment")
        for client in found[:PER_KIND]
    ]


def _campaigns(access: Access, term: str) -> list[SearchResult]:
    ids = _organization_ids(access, Permission.CAMPAIGNS_VIEW)
    found = Campaign.objects.filter(organization_id__in=ids, name__istartswith=term).order_by("-id")[:PER_KIND]
    return _results(access, found, "Campaign", "campaign")


def _contacts(access: Access, term: str) -> list[SearchResult]:
    """Those whose address begins so, by the unique index; when they are few, the newest that have it anywhere."""
    ids = _organization_ids(access, Permission.CONTACTS_VIEW)
    alive = Contact.objects.filter(organization_id__in=ids, deleted_at=None)
    found = list(alive.filter(email_key__startswith=term).order_by("organization_id", "email_key")[:PER_KIND])
    if len(found) < PER_KIND and len(term) >= SHORTEST_PART:
        known = {contact.pk for contact in found}
        parts = search_contacts(alive, term).order_by("-id")[:PER_KIND]
        found += [contact for contact in parts if contact.pk not in known]
    return _results(access, found[:PER_KIND], "Contact", "group")


def _results(access: Access, rows: Any, kind: str, icon: str) -> list[SearchResult]:
    names = {organization.pk: organization.name for organization in access.organizations}
    results = []
    for row in rows:
        link = link_or_none(partial(_change_url, row))
        if link:
            client = "" if access.current else f" of {names.get(row.organization_id, '')}"
            results.append(SearchResult(str(row), f"{kind}{client}", link, icon))
    return results


def _change_url(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _organization_ids(access: Access, permission: Permission) -> list[UUID]:
    return [organization.pk for organization in access.in_reach if access.can(permission, organization.pk)]


def _has_word(text: str, beginning: str) -> bool:
    """Does the text, or one of its words, begin with this?"""
    lowered = text.lower()
    return lowered.startswith(beginning) or any(word.startswith(beginning) for word in lowered.split())
