"""Custom fields of a client."""

from typing import Any

from django import forms
from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.errors import BadField
from core.contacts.field_usage import field_usage
from core.contacts.models import BulkChange, ContactField
from core.contacts.services.fields import field_check


class ContactFieldForm(forms.ModelForm):
    key = forms.CharField(
        required=False,
        max_length=40,
        label="Stored as",
        widget=UnfoldAdminTextInputWidget(),
        help_text="What templates call it: contact.attributes.…. Empty: made of the name. It never changes afterwards.",
    )
    choices = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        label="Values to choose from",
        help_text="One a line; only for the type “One of a list”.",
    )

    class Meta:
        model = ContactField
        fields = ("label", "kind", "key", "choices", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "choices" in self.fields:
            self.initial["choices"] = "\n".join(self.instance.choices or [])

    def clean_choices(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()]

    def validate_unique(self) -> None:
        """The service decides, and knows the client."""

    def _post_clean(self) -> None:
        """Not Django's: an instance is filled, and written, by the service."""


@register(ContactField)
class ContactFieldAdmin(OrganizationModelAdmin):
    form = ContactFieldForm
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    list_display = ("label", "kind", "stored_as", "choice_words")
    ordering = ("position", "label")
    empty_title = "No custom fields yet"
    empty_text = "Keep more of your contacts than name and address: a birthday, a favourite, a customer number."
    empty_icon = "list_alt"

    @display(description="stored as")
    def stored_as(self, obj: ContactField) -> str:
        return f"contact.attributes.{obj.key}"

    @display(description="values to choose from")
    def choice_words(self, obj: ContactField) -> str:
        more = f" and {len(obj.choices) - 4} more" if len(obj.choices) > 4 else ""
        return ", ".join(obj.choices[:4]) + more or "–"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Fields are deleted one by one: the page says what goes with one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("label", "kind", "choices", "key")}),)
        return ((None, {"fields": ("label", "kind", "choices", "stored_as", "position", "used_by")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("stored_as", "used_by") if obj is not None else ()

    @display(description="used by")
    def used_by(self, obj: ContactField) -> str:
        return field_usage(obj).words

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change=change, **kwargs)
        client = access_of(request).current

        class Checked(form_class):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                organization_id = self.instance.organization_id if change else client.pk if client else None
                if organization_id and not self.errors:
                    self._check(organization_id)
                return cleaned

            def _check(self, organization_id: Any) -> None:
                values = {name: self.cleaned_data[name] for name in ("label", "kind", "choices")}
                try:
                    field_check(
                        organization_id=organization_id,
                        field=self.instance if change else None,
                        key=self.cleaned_data.get("key", ""),
                        **values,
                    )
                except BadField as error:
                    self.add_error(error.fields["field"], str(error))

        return Checked

    def save_model(self, request: HttpRequest, obj: ContactField, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("label", "kind", "choices")}
        if change:
            position = form.cleaned_data.get("position")
            _field, work = services.field_change(field_id=obj.pk, position=position, **values)
            self._say(request, work)
            return
        client = access_of(request).current
        assert client is not None
        added = services.field_add(organization=client, key=form.cleaned_data.get("key", ""), **values)
        for name in ("pk", "organization", "label", "key"):
            setattr(obj, name, getattr(added, name))

    def _say(self, request: HttpRequest, work: BulkChange | None) -> None:
        if work is not None:
            self.message_user(request, f"“{work}” is under way; contacts are changed by a worker.", level="info")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Asks in numbers; the values go with the field."""
        field = self.get_object(request, object_id)
        if field is None:
            raise Http404
        if not self.has_delete_permission(request, field):
            raise PermissionDenied
        with organization_scope(field.organization_id):
            return self.confirmed(
                request,
                Confirmation(
                    title=f"Delete the custom field “{field}”",
                    sentences=(field_usage(field).words, "These values are deleted with the field."),
                    notes=(f"Templates and segments that use contact.attributes.{field.key} find it empty.",),
                    submit_label="Delete field and values",
                    back_url=reverse("admin:contacts_contactfield_change", args=[object_id]),
                    is_danger=True,
                ),
                perform=lambda: self._delete(request, field),
                done_url=reverse("admin:contacts_contactfield_changelist"),
            )

    def _delete(self, request: HttpRequest, field: ContactField) -> str:
        work = services.field_delete(field_id=field.pk)
        self._say(request, work)
        return f"The custom field “{field}” is deleted."
