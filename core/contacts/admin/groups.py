"""Groups, with how many people are in each, and who."""

from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.db.models import PROTECT, RESTRICT, IntegerField, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.paginator import COUNT_CAP
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.choices import CONTACT_STATUS_COLORS, ContactStatus
from core.contacts.models import ContactGroup, ContactGroupMembership
from core.contacts.presentation import count_of
from core.contacts.resources import GroupResource
from core.contacts.sections import key_from
from core.exports.admin import ExportableAdmin

PEOPLE_A_PAGE = 25


class CappedCount(Subquery):
    """How many rows the subquery has, which is sliced: counting stops at its limit."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS capped)"
    output_field = IntegerField()


@register(ContactGroup)
class ContactGroupAdmin(ExportableAdmin, OrganizationModelAdmin):
    export_permission = Permission.CONTACTS_EXPORT
    resource_classes = [GroupResource]
    actions_list = ("export_list",)
    change_form_template = "contacts/group_form.html"
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    list_display = ("name", "people", "is_topic", "description", "created_at")
    ordering = ("name",)
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "description")}),
        ("Preference centre", {"fields": ("is_topic", ("public_name", "public_description"))}),
    )
    empty_title = "No groups yet"
    empty_text = "A group is a list of contacts that a campaign is sent to. An import can fill one."
    empty_icon = "folder_shared"

    class Media:
        css = {"all": ("contacts/contacts.css",)}

    def get_queryset(self, request: HttpRequest) -> Any:
        members = ContactGroupMembership.objects.filter(
            organization_id=OuterRef("organization_id"), group_id=OuterRef("pk")
        )
        counted = members.order_by().values("group_id")[: COUNT_CAP + 1]
        return super().get_queryset(request).annotate(people_count=CappedCount(counted))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Groups are deleted one by one: the page says what goes with one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @display(description="people")
    def people(self, obj: Any) -> str:
        return people_words(obj.people_count)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list[Any], dict[str, int], set, list]:
        """The contacts stay. Counted with a cap, and without a row of the list for each of millions of places."""
        protected = [row for obj in objs for row in _protecting(obj)]
        return [str(obj) for obj in objs], {"groups": len(objs)}, set(), protected

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        group = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {}), **(self._people(request, group) if group is not None else {})}
        return super().changeform_view(request, object_id, form_url, context)

    def _people(self, request: HttpRequest, group: Any) -> dict[str, Any]:
        """A page of the group's people, the newest first, by the key of their place in it."""
        with organization_scope(group.organization_id):
            before = key_from(request, "people_before")
            places = ContactGroupMembership.objects.filter(group=group).select_related("contact").order_by("-pk")
            if before:
                places = places.filter(pk__lt=before)
            rows = list(places[: PEOPLE_A_PAGE + 1])
        shown = rows[:PEOPLE_A_PAGE]
        return {
            "group": group,
            "people": people_words(group.people_count),
            "places": [(place, CONTACT_STATUS_COLORS[ContactStatus(place.contact.status)]) for place in shown],
            "older": shown[-1].pk if len(rows) > PEOPLE_A_PAGE else None,
            "is_older": before is not None,
            "may_remove": access_of(request).can(Permission.CONTACTS_MANAGE, group.organization_id),
        }

    def get_custom_urls(self) -> Any:
        def remove(request: HttpRequest, model_admin: Any, object_id: UUID) -> HttpResponse:
            return self._remove_people(request, object_id)

        return (("<uuid:object_id>/remove-people/", "contacts_contactgroup_remove_people", remove),)

    def _remove_people(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The people who were ticked leave the group, once that is confirmed."""
        group = self.get_object(request, str(object_id))
        if group is None or request.method != "POST":
            raise Http404
        access_of(request).require(Permission.CONTACTS_MANAGE, group.organization_id)
        ids = [pk for pk in map(_uuid, request.POST.getlist("contact")) if pk][: PEOPLE_A_PAGE * 4]
        back = reverse("admin:contacts_contactgroup_change", args=[object_id])
        with organization_scope(group.organization_id):
            return self.confirmed(
                request,
                Confirmation(
                    title=f"Remove {count_of(len(ids), 'contact')} from “{group}”",
                    sentences=("The contacts themselves, and their other groups, stay.",),
                    submit_label="Remove from the group",
                    back_url=back,
                    problem="" if ids else "Tick the people first who are to leave the group.",
                    hidden=(("confirmed", "yes"), *(("contact", str(pk)) for pk in ids)),
                ),
                perform=lambda: (
                    f"{count_of(services.group_remove_contacts(group_id=group.pk, contact_ids=ids), 'contact')} "
                    f"removed from “{group}”."
                ),
                done_url=back,
                is_confirmed=request.POST.get("confirmed") == "yes",
            )


def people_words(count: int) -> str:
    return f"{COUNT_CAP:,}+" if count > COUNT_CAP else f"{count:,}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _protecting(group: ContactGroup) -> list[str]:
    """What forbids the deletion, such as a campaign that is sent to the group."""
    found = []
    for relation in ContactGroup._meta.related_objects:
        if relation.on_delete in (PROTECT, RESTRICT):
            rows = relation.related_model._default_manager.filter(**{relation.field.name: group})[:20]
            found += [str(row) for row in rows]
    return found
