"""The page of one contact: who, what was agreed, and what happened since."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.addresses import email_key_of
from core.contacts.admin.contact_header import contact_header
from core.contacts.field_usage import value_text
from core.contacts.forms.contacts import CUSTOM, ContactForm, contact_form
from core.contacts.models import Contact, ContactField, ContactTag
from core.contacts.sections import rendered_sections

SUGGESTED_TAGS = 300
PERSON = ("email", ("first_name", "last_name"), ("phone", "company"), ("time_zone", "language"))


class ContactPageMixin(OrganizationModelAdmin):
    """For the contact's admin class. Other rooms add to `actions_detail` and register sections (sections.py)."""

    form = ContactForm
    change_form_template = "contacts/contact_form.html"
    compressed_fields = False
    actions_detail: Any = ("unsubscribe", "suppress", "merge")
    needs_life: ClassVar[frozenset[str]] = frozenset({"unsubscribe", "suppress", "merge"})
    """Actions that a deleted contact does not offer."""

    class Media:
        css: ClassVar = {"all": ("contacts/contacts.css",)}
        js = ("contacts/contact_page.js",)

    # What the page may do: deleted contacts are for reading

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Contact | None:
        """Deleted contacts have a page, too; the list leaves them out."""
        try:
            pk = UUID(str(object_id))
        except ValueError:
            return None
        queryset = super().get_queryset(request).select_related("organization", "merged_into")
        return queryset.filter(pk=pk).first()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_gone(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_gone(obj) and super().has_delete_permission(request, obj)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        actions = super().get_actions_detail(request, object_id)
        contact = self.get_object(request, object_id)
        if contact is not None and contact.erased_at:
            return []
        if contact is not None and contact.deleted_at:
            return [item for item in actions if _name_of(item) not in self.needs_life]
        return actions

    # The form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and obj.erased_at:
            return ()
        if obj is not None and not self.has_change_permission(request, obj):
            return (
                (None, {"fields": PERSON}),
                ("Custom fields", {"fields": ("custom_values",)}),
                ("Tags and groups", {"fields": ("shown_tags", "shown_groups")}),
            )
        own = [f"{CUSTOM}{field.key}" for field in _fields(request)]
        other = ["other_values"] if obj is not None and _other_values(request, obj) else []
        custom = (("Custom fields", {"fields": (*own, *other)}),) if own or other else ()
        return ((None, {"fields": PERSON}), *custom, ("Tags and groups", {"fields": ("tags", "groups")}))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("other_values", "custom_values", "shown_tags", "shown_groups")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """With the client's custom fields. It tries the write that saving will do, so that a refusal stands beside the
        field."""
        tags = list(ContactTag.objects.values_list("name", flat=True)[:SUGGESTED_TAGS])
        own = contact_form(_fields(request), tags) if obj is None or self.has_change_permission(request, obj) else None
        if own is None:
            return super().get_form(request, obj, change=change, **{**kwargs, "fields": ()})
        form_class = super().get_form(request, obj, change=change, **{"form": own, **kwargs})
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

    @display(description="Other values")
    def other_values(self, obj: Contact) -> str:
        """What imports left under names that no custom field has."""
        known = set(ContactField.objects.filter(organization_id=obj.organization_id).values_list("key", flat=True))
        rows = [(key, value_text(value)) for key, value in sorted(obj.attributes.items()) if key not in known]
        return format_html(
            '<dl class="ct-values">{}</dl><p class="ex-quiet">Add a custom field stored as one of these names to edit '
            "its values.</p>",
            _value_rows(rows),
        )

    @display(description="Values")
    def custom_values(self, obj: Contact) -> str:
        fields = ContactField.objects.filter(organization_id=obj.organization_id)
        labels = {field.key: field.label for field in fields}
        rows = [(labels.get(key, key), value_text(value)) for key, value in sorted(obj.attributes.items())]
        return format_html('<dl class="ct-values">{}</dl>', _value_rows(rows)) if rows else "–"

    @display(description="Tags")
    def shown_tags(self, obj: Contact) -> str:
        return ", ".join(obj.tags) or "–"

    @display(description="Groups")
    def shown_groups(self, obj: Contact) -> str:
        return ", ".join(obj.group_memberships.order_by("group__name").values_list("group__name", flat=True)) or "–"

    # Writes go through services

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ContactForm.Meta.fields if name in form.cleaned_data}
        if change:
            services.contact_change(contact_id=obj.pk, attributes=form.changed_attributes, **values)
        else:
            client = access_of(request).current
            assert client is not None
            attributes = {key: value for key, value in form.changed_attributes.items() if value is not None}
            added = services.contact_add(organization=client, attributes=attributes, **values)
            obj.pk, obj._state.adding, obj.organization = added.pk, False, added.organization
        if "groups" in form.changed_data:
            _change_groups(obj, form.fields["groups"].initial or (), form.cleaned_data["groups"])

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        services.contacts_delete(contact_ids=[obj.pk])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], dict[str, int], set, list]:
        """A deletion marks the contact and takes it out of its groups; nothing else goes with it."""
        return [str(obj) for obj in objs], {"contacts": len(objs)}, set(), []

    # The page around the form

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
        contact = self.get_object(request, object_id) if object_id and request.method == "GET" else None
        if contact is None or not self.has_view_permission(request, contact):
            return {}
        with organization_scope(contact.organization_id):
            header = contact_header(contact)
            sections = () if contact.erased_at else rendered_sections(request, contact)
        return {"contact": contact, "header": header, "sections": sections, "title": str(contact)}

    # One contact

    @action(description="Unsubscribe", url_path="unsubscribe", icon="unsubscribe", permissions=["contacts_manage"])
    def unsubscribe(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact = self._living_contact(request, object_id, Permission.CONTACTS_MANAGE)
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
        contact = self._living_contact(request, object_id, Permission.SUPPRESSIONS_MANAGE)
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
        """The contact, deleted or not, with its client. Raises Http404 or PermissionDenied."""
        contact = self.get_object(request, object_id)
        if contact is None:
            raise Http404
        access_of(request).require(permission, contact.organization_id)
        return contact

    def _living_contact(self, request: HttpRequest, object_id: str, permission: Permission) -> Contact:
        contact = self._contact(request, object_id, permission)
        if contact.deleted_at:
            raise Http404
        return contact


def _is_gone(obj: Any) -> bool:
    return isinstance(obj, Contact) and obj.deleted_at is not None


def _name_of(item: Any) -> str:
    """The method's name behind an action as unfold lists it, or behind a group of them."""
    return str(getattr(item, "action_name", "")).rpartition("contacts_contact_")[2] or str(item)


def _fields(request: HttpRequest) -> list[ContactField]:
    """The custom fields of the form's client: the page runs in its scope. Read once a request."""
    if not hasattr(request, "contact_fields"):
        request.contact_fields = list(ContactField.objects.all())  # type: ignore[attr-defined]
    return request.contact_fields  # type: ignore[attr-defined]


def _other_values(request: HttpRequest, contact: Contact) -> set[str]:
    return set(contact.attributes) - {field.key for field in _fields(request)}


def _value_rows(rows: list[tuple[str, str]]) -> str:
    return format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", rows)


def _change_groups(contact: Contact, before: Any, chosen: Any) -> None:
    """What was ticked or unticked; memberships that came meanwhile stay."""
    after = {group.pk for group in chosen}
    for pk in sorted(after - set(before)):
        services.group_add_contacts(group_id=pk, contact_ids=[contact.pk])
    for pk in sorted(set(before) - after):
        services.group_remove_contacts(group_id=pk, contact_ids=[contact.pk])


def problem_with_address(email: str | None, organization_id: UUID | None, pk: UUID, change: bool) -> str:
    """Why this address cannot be the contact's; "" when it can. A deleted contact's may be added again."""
    if not email or organization_id is None:
        return ""
    taken = Contact.objects.filter(organization_id=organization_id, email_key=email_key_of(email), deleted_at=None)
    return f"Another contact has the address {email} already." if taken.exclude(pk=pk).exists() else ""
