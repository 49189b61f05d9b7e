"""What can be done with a selection of contacts, or with all that match the list's filters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import helpers
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.contacts import services
from core.contacts.bulk import NEEDED
from core.contacts.choices import BulkKind
from core.contacts.errors import BulkRefused, TooManySelected
from core.contacts.forms.contacts import TagsField, TagsWidget
from core.contacts.merging import MOST_MERGED
from core.contacts.models import ContactGroup, ContactTag
from core.contacts.presentation import count_of
from core.exports.lists import filters_only

MAX_SELECTED = 10_000
ALL_MATCHING = f"more than {MAX_SELECTED:,} contacts, all that match the list's filters,"


@dataclass(frozen=True)
class Selection:
    """The contacts a bulk action is about: their ids, or (`is_all`) too many to name: a worker finds them again."""

    ids: list[UUID]
    is_all: bool
    hidden: tuple[tuple[str, str], ...]

    @property
    def people(self) -> str:
        return ALL_MATCHING.strip(",") if self.is_all else count_of(len(self.ids), "contact")

    @property
    def short(self) -> str:
        return "all that match" if self.is_all else count_of(len(self.ids), "contact")


class ContactActionsMixin(OrganizationModelAdmin):
    actions: Any = (
        "add_to_group",
        "remove_from_group",
        "add_tags",
        "remove_tags",
        "merge_selected",
        "unsubscribe_selected",
        "suppress_selected",
        "delete_contacts",
    )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Our own deletion takes the place of Django's: it marks, and gives the plan's share back."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @action(description="Add to a group", permissions=["contacts_manage"])
    def add_to_group(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_choice(request, queryset, "add_to_group", BulkKind.JOIN_GROUP, GroupChoiceForm)

    @action(description="Remove from a group", permissions=["contacts_manage"])
    def remove_from_group(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_choice(request, queryset, "remove_from_group", BulkKind.LEAVE_GROUP, GroupChoiceForm)

    @action(description="Add tags", permissions=["contacts_manage"])
    def add_tags(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_choice(request, queryset, "add_tags", BulkKind.ADD_TAGS, TagsChoiceForm)

    @action(description="Remove tags", permissions=["contacts_manage"])
    def remove_tags(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_choice(request, queryset, "remove_tags", BulkKind.REMOVE_TAGS, TagsChoiceForm)

    @action(description="Merge", permissions=["contacts_manage"])
    def merge_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        """Leads to the comparison: there it is decided."""
        ids = list(queryset.order_by("-pk").values_list("pk", flat=True)[: MOST_MERGED + 1])
        if not 2 <= len(ids) <= MOST_MERGED:
            self.message_user(request, f"Select two to {MOST_MERGED} contacts to merge.", level="error")
            return HttpResponseRedirect(reverse("admin:contacts_contact_changelist"))
        others = "&".join(f"with={pk}" for pk in ids[1:])
        return HttpResponseRedirect(f"{reverse('admin:contacts_contact_merge', args=[ids[0]])}?{others}")

    @action(description="Unsubscribe", permissions=["contacts_manage"])
    def unsubscribe_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_selection(
            request,
            queryset,
            "unsubscribe_selected",
            BulkKind.UNSUBSCRIBE,
            sentence="{people} will get no more mail from their client. Only they themselves can subscribe again.",
            perform=lambda ids: f"{count_of(services.contacts_unsubscribe(contact_ids=ids), 'contact')} unsubscribed.",
        )

    @action(description="Suppress", permissions=["suppressions_manage"])
    def suppress_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_selection(
            request,
            queryset,
            "suppress_selected",
            BulkKind.SUPPRESS,
            sentence="The addresses of {people} go on the suppression list.",
            perform=lambda ids: (
                f"{count_of(services.contacts_suppress(contact_ids=ids), 'address', 'addresses')} suppressed."
            ),
        )

    @action(description="Delete", permissions=["contacts_manage"])
    def delete_contacts(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_selection(
            request,
            queryset,
            "delete_contacts",
            BulkKind.DELETE,
            sentence="{people} leave their groups and the plan's count. Suppressions stay.",
            perform=lambda ids: f"{count_of(services.contacts_delete(contact_ids=ids), 'contact')} deleted.",
        )

    def _with_selection(
        self,
        request: HttpRequest,
        queryset: Any,
        name: str,
        kind: BulkKind,
        *,
        sentence: str,
        perform: Callable[[list[UUID]], str],
    ) -> HttpResponse:
        """Ask once with the number, then do it. The list posts the selection twice; rights are checked per client."""
        back = self._back(request)
        try:
            selection = selection_of(request, queryset, NEEDED[kind])
            is_confirmed = request.POST.get("confirmed") == "yes"
            if is_confirmed and selection.is_all:
                return self._in_background(request, kind, f"{kind.label} {selection.short}", {})
        except DomainError as error:
            self.message_user(request, str(error), level="error")
            return HttpResponseRedirect(back)
        people = selection.people
        return self.confirmed(
            request,
            Confirmation(
                title=f"{kind.label} {selection.short}",
                sentences=(_capital(sentence.format(people=people)),),
                notes=("A worker does it; you can watch it and leave the page.",) if selection.is_all else (),
                submit_label=f"{kind.label} {selection.short}",
                back_url=back,
                is_danger=True,
                hidden=(("action", name), ("confirmed", "yes"), *selection.hidden),
            ),
            perform=lambda: perform(selection.ids),
            done_url=back,
            is_confirmed=is_confirmed,
        )

    def _with_choice(
        self, request: HttpRequest, queryset: Any, name: str, kind: BulkKind, form_class: "type[ChoiceForm]"
    ) -> HttpResponse:
        """Ask which group or tags, with the number; then do it."""
        back = self._back(request)
        try:
            selection = selection_of(request, queryset, Permission.CONTACTS_MANAGE)
            form = form_class(request.POST if request.POST.get("chosen") == "yes" else None)
            if form.is_valid():
                return self._perform_choice(request, kind, form, selection, back)
        except DomainError as error:
            self.message_user(request, str(error), level="error")
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{kind.label}: {selection.short}",
            "opts": self.opts,
            "form": form,
            "field": form[form.asks],
            "people": _capital(selection.people),
            "is_all": selection.is_all,
            "hidden": (("action", name), ("chosen", "yes"), *selection.hidden),
            "back_url": back,
            "submit_label": f"{kind.label.split()[0]} {selection.short}",
        }
        return TemplateResponse(request, "contacts/choose_group.html", context)

    def _perform_choice(
        self, request: HttpRequest, kind: BulkKind, form: "ChoiceForm", selection: Selection, back: str
    ) -> HttpResponse:
        if selection.is_all:
            return self._in_background(request, kind, f"{kind.label}: {form.words}", form.values)
        changed = form.perform(request, kind, selection.ids)
        people = count_of(changed, "contact")
        done = {
            BulkKind.JOIN_GROUP: f"{people} added to {form.words}.",
            BulkKind.LEAVE_GROUP: f"{people} removed from {form.words}.",
            BulkKind.ADD_TAGS: f"{people} tagged {form.words}.",
            BulkKind.REMOVE_TAGS: f"{form.words} removed from {people}.",
        }
        self.message_user(request, done[kind] if changed else "Nothing had to change: it was so already.")
        return HttpResponseRedirect(back)

    def _in_background(self, request: HttpRequest, kind: BulkKind, title: str, values: dict[str, Any]) -> HttpResponse:
        """Raises BulkRefused under "All clients": the work belongs to one."""
        access = access_of(request)
        if access.current is None:
            raise BulkRefused(f"More than {MAX_SELECTED:,} contacts match. Choose one client first, in the bar above.")
        change = services.bulk_start(
            organization_id=access.current.pk,
            kind=kind,
            title=title,
            values=values,
            query=filters_only(request.META.get("QUERY_STRING", "")),
            user=access.user,
        )
        return HttpResponseRedirect(reverse("admin:contacts_bulkchange_change", args=[change.pk]))

    def _back(self, request: HttpRequest) -> str:
        query = filters_only(request.META.get("QUERY_STRING", ""))
        return reverse("admin:contacts_contact_changelist") + (f"?{query}" if query else "")


class ChoiceForm(forms.Form):
    """What a bulk action asks for: `asks` names its field."""

    asks = ""

    @property
    def words(self) -> str:
        """What was chosen, for the result."""
        raise NotImplementedError

    @property
    def values(self) -> dict[str, Any]:
        """What was chosen, for a worker (BulkChange.values)."""
        raise NotImplementedError

    def perform(self, request: HttpRequest, kind: BulkKind, ids: list[UUID]) -> int:
        """Do it; how many contacts changed."""
        raise NotImplementedError


class GroupChoiceForm(ChoiceForm):
    """The selection must be of the group's client; of others nothing changes."""

    asks = "group"
    group = forms.ModelChoiceField(ContactGroup.objects.order_by("name"), label="Group", empty_label="Choose a group")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].widget = UnfoldAdminSelectWidget()
        self.fields["group"].widget.choices = self.fields["group"].choices  # type: ignore[attr-defined]

    @property
    def words(self) -> str:
        return f"“{self.cleaned_data['group']}”"

    @property
    def values(self) -> dict[str, Any]:
        return {"group": str(self.cleaned_data["group"].pk)}

    def perform(self, request: HttpRequest, kind: BulkKind, ids: list[UUID]) -> int:
        group = self.cleaned_data["group"]
        access_of(request).require(Permission.CONTACTS_MANAGE, group.organization_id)
        service = services.group_add_contacts if kind == BulkKind.JOIN_GROUP else services.group_remove_contacts
        return service(group_id=group.pk, contact_ids=ids)


class TagsChoiceForm(ChoiceForm):
    asks = "tags"
    tags = TagsField(label="Tags", help_text="Type a tag and press Enter or a comma.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = TagsWidget()
        widget.suggestions = list(ContactTag.objects.order_by("name").values_list("name", flat=True).distinct()[:300])
        self.fields["tags"].widget = widget

    def clean_tags(self) -> list[str]:
        tags: list[str] = self.cleaned_data["tags"]
        if not tags:
            raise ValidationError("Name at least one tag.")
        return tags

    @property
    def words(self) -> str:
        return ", ".join(f"“{tag}”" for tag in self.cleaned_data["tags"])

    @property
    def values(self) -> dict[str, Any]:
        return {"tags": self.cleaned_data["tags"]}

    def perform(self, request: HttpRequest, kind: BulkKind, ids: list[UUID]) -> int:
        service = services.contacts_add_tags if kind == BulkKind.ADD_TAGS else services.contacts_remove_tags
        reach = access_of(request).in_reach
        clients = [client for client in reach if access_of(request).can(Permission.CONTACTS_MANAGE, client.pk)]
        tags = self.cleaned_data["tags"]
        return sum(service(organization_id=client.pk, contact_ids=ids, tags=tags) for client in clients)


def selection_of(request: HttpRequest, queryset: Any, permission: Permission) -> Selection:
    """The selected contacts of clients where the person has the right.

    Past MAX_SELECTED only "all that match" is possible; TooManySelected is raised for anything else.
    """
    access = access_of(request)
    allowed = [organization.pk for organization in access.in_reach if access.can(permission, organization.pk)]
    rows = queryset.filter(organization_id__in=allowed).order_by().values_list("pk", flat=True)
    ids = list(rows[: MAX_SELECTED + 1])
    is_all = len(ids) > MAX_SELECTED
    if is_all and request.POST.get("select_across") != "1":
        raise TooManySelected(
            f"More than {MAX_SELECTED:,} contacts are selected. Narrow the list with the filters first.",
            limit=MAX_SELECTED,
        )
    return Selection(ids[:1] if is_all else ids, is_all, selection_fields(request, ids))


def selection_fields(request: HttpRequest, ids: list[UUID]) -> tuple[tuple[str, str], ...]:
    """What the confirmation posts back. "All that match" stays that, by the filters in the page's address: a form may
    not hold thousands of fields."""
    if request.POST.get("select_across") == "1":
        return (("select_across", "1"), *((helpers.ACTION_CHECKBOX_NAME, str(pk)) for pk in ids[:1]))
    return tuple((helpers.ACTION_CHECKBOX_NAME, str(pk)) for pk in ids)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
