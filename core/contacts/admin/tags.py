"""Tags of a client: renamed, made one, deleted on all contacts at once."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.paginator import COUNT_CAP
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.errors import BadTag
from core.contacts.models import BulkChange, ContactTag
from core.contacts.presentation import count_of
from core.contacts.services.tags import tag_count
from core.contacts.tags import clean_tag


class TagForm(forms.ModelForm):
    merge = forms.BooleanField(
        required=False,
        label="Make one tag of two",
        widget=UnfoldBooleanWidget(),
        help_text="Only when the name is that of another tag: all contacts of both have it afterwards.",
    )

    class Meta:
        model = ContactTag
        fields = ("name",)

    def clean_name(self) -> str:
        try:
            return clean_tag(self.cleaned_data["name"])
        except BadTag as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> Any:
        cleaned = super().clean() or {}
        name = cleaned.get("name")
        others = ContactTag.objects.filter(name=name).exclude(pk=self.instance.pk)
        if not name or not others.exists():
            return cleaned
        if self.instance._state.adding:
            self.add_error("name", f"There is a tag “{name}” already.")
        elif not cleaned.get("merge"):
            self.add_error("merge", f"There is a tag “{name}” already. Tick this to make the two one.")
        return cleaned

    def validate_unique(self) -> None:
        """Another tag's name is allowed: the two become one."""

    def _post_clean(self) -> None:
        """Not Django's: the row is written by the service."""


@register(ContactTag)
class ContactTagAdmin(OrganizationModelAdmin):
    form = TagForm
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    list_display = ("name", "contacts_link")
    ordering = ("name",)
    search_fields = ("name",)
    empty_title = "No tags yet"
    empty_text = "Tags are words you put on contacts, by hand, by an import or on all that match a filter."
    empty_icon = "label"

    @display(description="contacts")
    def contacts_link(self, obj: ContactTag) -> str:
        url = f"{reverse('admin:contacts_contact_changelist')}?{urlencode({'tag': obj.name})}"
        return format_html('<a class="ex-link" href="{}">Show contacts</a>', url)

    @display(description="used by")
    def used_by(self, obj: ContactTag) -> str:
        return _people(obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Tags are deleted one by one: the page says on how many contacts."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields: tuple[str, ...] = ("name",) if obj is None else ("name", "used_by", "merge")
        if obj is not None and not self.has_change_permission(request, obj):
            fields = ("name", "used_by")
        return ((None, {"fields": fields}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("used_by",)

    def save_model(self, request: HttpRequest, obj: ContactTag, form: Any, change: bool) -> None:
        name = form.cleaned_data["name"]
        if not change:
            client = access_of(request).current
            assert client is not None
            added = services.tag_add(organization_id=client.pk, name=name)
            obj.pk, obj.name, obj.organization = added.pk, added.name, client
        elif "name" in form.changed_data:
            remaining, work = services.tag_rename(tag_id=obj.pk, name=name)
            obj.pk, obj.name = remaining.pk, remaining.name
            self._say(request, work)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        tag = self.get_object(request, object_id)
        if tag is None:
            raise Http404
        if not self.has_delete_permission(request, tag):
            raise PermissionDenied
        with organization_scope(tag.organization_id):
            return self.confirmed(
                request,
                Confirmation(
                    title=f"Delete the tag “{tag}”",
                    sentences=(f"{_people(tag)} The tag is taken off all of them.",),
                    submit_label="Delete tag",
                    back_url=reverse("admin:contacts_contacttag_change", args=[object_id]),
                    is_danger=True,
                ),
                perform=lambda: self._delete(request, tag),
                done_url=reverse("admin:contacts_contacttag_changelist"),
            )

    def _delete(self, request: HttpRequest, tag: ContactTag) -> str:
        name = tag.name
        self._say(request, services.tag_delete(tag_id=tag.pk))
        return f"The tag “{name}” is deleted."

    def _say(self, request: HttpRequest, work: BulkChange | None) -> None:
        if work is not None:
            self.message_user(request, f"“{work}” is under way; contacts are changed by a worker.", level="info")


def _people(tag: ContactTag) -> str:
    count = tag_count(organization_id=tag.organization_id, name=tag.name)
    if count > COUNT_CAP:
        return f"More than {COUNT_CAP:,} contacts have it."
    return f"{count_of(count, 'contact')} {'has' if count == 1 else 'have'} it."
