"""The list of contacts, the page of one, and what can be done with a selection."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import SimpleListFilter, helpers, register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.contacts import services
from core.contacts.addresses import email_key_of
from core.contacts.admin.export import ContactExportMixin
from core.contacts.choices import CONTACT_STATUS_COLORS, ContactStatus
from core.contacts.errors import TooManySelected
from core.contacts.forms import ContactForm
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership, Suppression
from core.contacts.presentation import count_of

MAX_SELECTED = 10_000
SHOWN_GROUPS = 3


class GroupFilter(SimpleListFilter):
    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(group.pk), group.name) for group in ContactGroup.objects.order_by("name")[:200]]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        try:
            group_id = UUID(self.value())
        except ValueError:
            return queryset.none()
        members = ContactGroupMembership.objects.filter(group_id=group_id).values("contact_id")
        return queryset.filter(pk__in=members)


@register(Contact)
class ContactAdmin(ContactExportMixin, OrganizationModelAdmin):
    form = ContactForm
    change_form_template = "contacts/contact_form.html"
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    change_list_template = "admin/change_list.html"
    list_display = ("email", "name", "status_label", "group_names", "created_at")
    list_filter = ("status", GroupFilter)
    search_fields = ("email_key", "first_name", "last_name")
    search_help_text = "Search by address or name"
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), ("phone", "company"), ("time_zone", "language"))}),
        ("Custom fields", {"fields": ("attributes",)}),
    )
    actions = ("add_to_group", "remove_from_group", "unsubscribe_selected", "suppress_selected", "delete_contacts")
    actions_list = ("import_contacts", "export_contacts")
    actions_detail = ("unsubscribe", "suppress")
    empty_title = "No contacts yet"
    empty_text = "Import a CSV file, or add the first person by hand."
    empty_icon = "group"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(deleted_at=None).prefetch_related("group_memberships__group")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Our own deletion takes the place of Django's: it marks, and gives the plan's share back."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term.casefold())

    @display(description="name", ordering="last_name")
    def name(self, obj: Contact) -> str:
        return obj.full_name or "—"

    @display(description="status", ordering="status", label=dict(CONTACT_STATUS_COLORS))
    def status_label(self, obj: Contact) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="groups")
    def group_names(self, obj: Contact) -> str:
        names = sorted(membership.group.name for membership in obj.group_memberships.all())
        more = f" and {len(names) - SHOWN_GROUPS} more" if len(names) > SHOWN_GROUPS else ""
        return ", ".join(names[:SHOWN_GROUPS]) + more or "—"

    # Writes go through services

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in services_fields(form)}
        if change:
            services.contact_change(contact_id=obj.pk, **values)
        else:
            client = access_of(request).current
            assert client is not None
            added = services.contact_add(organization=client, **values)
            obj.pk, obj._state.adding, obj.organization = added.pk, False, added.organization

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form tries the write that saving will do, so that a refusal stands beside the field."""
        form_class = super().get_form(request, obj, change=change, **kwargs)
        client = access_of(request).current

        class Checked(form_class):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                organization_id = self.instance.organization_id or (client.pk if client else None)
                problem = problem_with_address(cleaned.get("email"), organization_id, self.instance.pk, change)
                if problem:
                    self.add_error("email", problem)
                return cleaned

        return Checked

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(
                request, object_id, form_url, {**(extra_context or {}), **self._story(request, object_id)}
            )
        except DomainError as error:
            self.message_user(request, str(error), level="error")
            return HttpResponseRedirect(request.get_full_path())

    def _story(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        contact = self.get_object(request, object_id) if object_id else None
        if contact is None:
            return {}
        suppression = Suppression.objects.filter(
            organization_id=contact.organization_id, key=f"address:{contact.email_key}"
        ).first()
        memberships = contact.group_memberships.select_related("group").order_by("group__name")
        return {
            "contact": contact,
            "status_color": CONTACT_STATUS_COLORS[ContactStatus(contact.status)],
            "suppression": suppression,
            "memberships": memberships,
        }

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        services.contacts_delete(contact_ids=[obj.pk])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], dict[str, int], set, list]:
        """A deletion marks the contact and takes it out of its groups; nothing else goes with it."""
        return [str(obj) for obj in objs], {"contacts": len(objs)}, set(), []

    # Pages to go to

    @action(description="Import", url_path="import-contacts", icon="upload", permissions=["contacts_import"])
    def import_contacts(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_contactimport_import"))

    @action(description="Export", url_path="export-contacts", icon="download", permissions=["contacts_export"])
    def export_contacts(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        return HttpResponseRedirect(reverse("admin:contacts_contact_export") + (f"?{query}" if query else ""))

    # One contact

    @action(description="Unsubscribe", url_path="unsubscribe", icon="unsubscribe", permissions=["contacts_manage"])
    def unsubscribe(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact = self._contact(request, object_id, Permission.CONTACTS_MANAGE)
        back = reverse("admin:contacts_contact_change", args=[object_id])
        return self.confirmed(
            request,
            Confirmation(
                title=f"Unsubscribe {contact}",
                sentences=(f"{contact} gets no more mail from {contact.organization}.",),
                notes=("Only the person can subscribe again, on the unsubscribe page.",),
                submit_label="Unsubscribe",
                back_url=back,
                is_danger=True,
            ),
            perform=lambda: (
                f"{contact} is unsubscribed."
                if services.contact_unsubscribe(contact_id=contact.pk, source="by hand")
                else f"{contact} was unsubscribed already."
            ),
            done_url=back,
        )

    @action(description="Suppress", url_path="suppress", icon="block", permissions=["suppressions_manage"])
    def suppress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact = self._contact(request, object_id, Permission.SUPPRESSIONS_MANAGE)
        back = reverse("admin:contacts_contact_change", args=[object_id])
        return self.confirmed(
            request,
            Confirmation(
                title=f"Suppress {contact}",
                sentences=(f"{contact} goes on the suppression list of {contact.organization} and gets no more mail.",),
                submit_label="Suppress",
                back_url=back,
                is_danger=True,
            ),
            perform=lambda: (
                f"{contact} is on the suppression list."
                if services.contacts_suppress(contact_ids=[contact.pk])
                else f"{contact} was on the suppression list already."
            ),
            done_url=back,
        )

    def _contact(self, request: HttpRequest, object_id: str, permission: Permission) -> Contact:
        contact = self.get_object(request, object_id)
        if contact is None:
            raise Http404
        access_of(request).require(permission, contact.organization_id)
        return contact

    # A selection

    @action(description="Add to a group", permissions=["contacts_manage"])
    def add_to_group(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_group(
            request, queryset, "add_to_group", "Add to a group", services.group_add_contacts, "added to"
        )

    @action(description="Remove from a group", permissions=["contacts_manage"])
    def remove_from_group(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_group(
            request,
            queryset,
            "remove_from_group",
            "Remove from a group",
            services.group_remove_contacts,
            "removed from",
        )

    @action(description="Unsubscribe", permissions=["contacts_manage"])
    def unsubscribe_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_selection(
            request,
            queryset,
            "unsubscribe_selected",
            Permission.CONTACTS_MANAGE,
            verb="Unsubscribe",
            sentence="{people} will get no more mail from their client.",
            perform=lambda ids: f"{count_of(services.contacts_unsubscribe(contact_ids=ids), 'contact')} unsubscribed.",
        )

    @action(description="Suppress", permissions=["suppressions_manage"])
    def suppress_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self._with_selection(
            request,
            queryset,
            "suppress_selected",
            Permission.SUPPRESSIONS_MANAGE,
            verb="Suppress",
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
            Permission.CONTACTS_MANAGE,
            verb="Delete",
            sentence="{people} leave their groups and the plan's count. Suppressions stay.",
            perform=lambda ids: f"{count_of(services.contacts_delete(contact_ids=ids), 'contact')} deleted.",
        )

    def _with_selection(
        self,
        request: HttpRequest,
        queryset: Any,
        name: str,
        permission: Permission,
        *,
        verb: str,
        sentence: str,
        perform: Callable[[list[UUID]], str],
    ) -> HttpResponse:
        """Ask once with the number, then do it. The list posts the selection twice; rights are checked per client."""
        back = reverse("admin:contacts_contact_changelist")
        try:
            ids = selected_ids(request, queryset, permission)
        except TooManySelected as error:
            self.message_user(request, str(error), level="error")
            return HttpResponseRedirect(back)
        people = count_of(len(ids), "contact")
        return self.confirmed(
            request,
            Confirmation(
                title=f"{verb} {people}",
                sentences=(sentence.format(people=people),),
                submit_label=f"{verb} {people}",
                back_url=back,
                is_danger=True,
                hidden=(("action", name), ("confirmed", "yes"), *selection_fields(request, ids)),
            ),
            perform=lambda: perform(ids),
            done_url=back,
            is_confirmed=request.POST.get("confirmed") == "yes",
        )

    def _with_group(
        self,
        request: HttpRequest,
        queryset: Any,
        name: str,
        title: str,
        perform: Callable[..., int],
        done: str,
    ) -> HttpResponse:
        """Ask which group; the selection must be of that group's client, of others nothing changes."""
        back = reverse("admin:contacts_contact_changelist")
        try:
            ids = selected_ids(request, queryset, Permission.CONTACTS_MANAGE)
        except TooManySelected as error:
            self.message_user(request, str(error), level="error")
            return HttpResponseRedirect(back)
        form = GroupChoiceForm(request.POST if "group" in request.POST else None)
        if form.is_valid():
            group = form.cleaned_data["group"]
            access_of(request).require(Permission.CONTACTS_MANAGE, group.organization_id)
            changed = perform(group_id=group.pk, contact_ids=ids)
            self.message_user(request, f"{count_of(changed, 'contact')} {done} “{group}”.")
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{title}: {count_of(len(ids), 'contact')}",
            "opts": self.opts,
            "form": form,
            "hidden": (("action", name), *selection_fields(request, ids)),
            "back_url": back,
            "submit_label": title.split()[0],
        }
        return TemplateResponse(request, "contacts/choose_group.html", context)


class GroupChoiceForm(forms.Form):
    group = forms.ModelChoiceField(ContactGroup.objects.order_by("name"), label="Group", empty_label="Choose a group")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].widget = UnfoldAdminSelectWidget()
        self.fields["group"].widget.choices = self.fields["group"].choices  # type: ignore[attr-defined]


def selected_ids(request: HttpRequest, queryset: Any, permission: Permission) -> list[UUID]:
    """The selected contacts of clients where the person has the right. Raises TooManySelected past MAX_SELECTED."""
    access = access_of(request)
    allowed = [organization.pk for organization in access.in_reach if access.can(permission, organization.pk)]
    rows = queryset.filter(organization_id__in=allowed).order_by().values_list("pk", flat=True)
    ids = list(rows[: MAX_SELECTED + 1])
    if len(ids) > MAX_SELECTED:
        raise TooManySelected(
            f"More than {MAX_SELECTED:,} contacts are selected. Narrow the list with the filters first.",
            limit=MAX_SELECTED,
        )
    return ids


def selection_fields(request: HttpRequest, ids: list[UUID]) -> tuple[tuple[str, str], ...]:
    """What the confirmation posts back. "All that match" stays that, by the filters in the page's address: a form may
    not hold thousands of fields."""
    if request.POST.get("select_across") == "1":
        return (("select_across", "1"), *((helpers.ACTION_CHECKBOX_NAME, str(pk)) for pk in ids[:1]))
    return tuple((helpers.ACTION_CHECKBOX_NAME, str(pk)) for pk in ids)


def services_fields(form: Any) -> list[str]:
    return [name for name in ContactForm.Meta.fields if name in form.cleaned_data]


def problem_with_address(email: str | None, organization_id: UUID | None, pk: UUID, change: bool) -> str:
    """Why this address cannot be the contact's; "" when it can. A deleted contact's may be added again."""
    if not email or organization_id is None:
        return ""
    taken = Contact.objects.filter(organization_id=organization_id, email_key=email_key_of(email))
    taken = taken.exclude(pk=pk) if change else taken.filter(deleted_at=None)
    return f"Another contact has the address {email} already." if taken.exists() else ""
