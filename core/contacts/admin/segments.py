"""The list of segments, and the page on which one is built."""

import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.decorators import action, display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.tasks import wake
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.errors import BadRule, TookTooLong
from core.contacts.forms.segments import GroupForSegmentForm, SegmentForm, read_rule_text
from core.contacts.models import Contact, Segment
from core.contacts.presentation import count_of
from core.contacts.resources import SegmentResource
from core.contacts.segments import check_rule, parse_rule, rule_sentence, segment_sentences
from core.contacts.segments.builder import builder_config
from core.contacts.segments.people import people_count, people_sample
from core.contacts.services.segments import COUNT
from core.exports.admin import ExportableAdmin

SHOWN_CAMPAIGNS = 5
COUNTED_WITHIN = datetime.timedelta(minutes=10)
"""A worker has counted a changed segment by then, or something keeps it from counting."""
_IN_THE_BACKGROUND = "Save the segment: it is then counted in the background."


@register(Segment)
class SegmentAdmin(ExportableAdmin, OrganizationModelAdmin):
    form = SegmentForm
    compressed_fields = False
    change_form_template = "contacts/segments/change_form.html"
    export_permission = Permission.CONTACTS_EXPORT
    resource_classes = [SegmentResource]
    actions_list = ("export_list",)
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    list_display = ("name", "words", "people", "counted_when")
    search_fields = ("name", "description")
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("name", "description")}), (None, {"fields": ("rule",)}))
    actions = ("count_again",)
    actions_detail = ("show_people", "add_to_group")
    empty_title = "No segments yet"
    empty_text = (
        "A segment is a list by rule: whoever fits it when it is asked, for example everybody who opened a campaign "
        "in the last 30 days. Campaigns are sent to segments as to groups."
    )
    empty_icon = "filter_alt"

    # The list

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Segments are deleted one by one: the page says which campaigns use one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The sentences of a page's rows are made together: their names take three queries a client, not a row."""
        changelist = super().get_changelist_instance(request)
        sentences = segment_sentences(changelist.result_list)
        for segment in changelist.result_list:
            segment.sentence = sentences[segment.pk]
        return changelist

    @display(description="who belongs to it")
    def words(self, obj: Any) -> str:
        return obj.sentence if hasattr(obj, "sentence") else segment_sentences([obj])[obj.pk]

    @display(description="people", ordering="counted")
    def people(self, obj: Segment) -> str:
        return "–" if obj.counted is None else f"{obj.counted:,}"

    @display(description="counted", ordering="counted_at")
    def counted_when(self, obj: Segment) -> str:
        if obj.counted_at:
            return f"{timesince(obj.counted_at, depth=1)} ago"
        return "Being counted" if obj.updated_at > timezone.now() - COUNTED_WITHIN else "Not counted"

    @action(description="Count again", permissions=["contacts_view"])
    def count_again(self, request: HttpRequest, queryset: Any) -> None:
        rows = list(queryset.values_list("organization_id", "pk"))
        for organization_id, pk in rows:
            wake(COUNT, organization_id=organization_id, segment_id=pk)
        self.message_user(request, f"{count_of(len(rows), 'segment')} will be counted again in a moment.")

    # The page

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change=change, **kwargs)
        return type(form_class.__name__, (form_class,), {"organization_id": _client_id(request, obj)})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not change it reads the rule as a sentence."""
        if self._may_write(request, obj):
            return super().get_fieldsets(request, obj)
        return ((None, {"fields": ("name", "description", "words")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if self._may_write(request, obj) else ("name", "description", "words")

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        segment = self.get_object(request, object_id) if object_id else None
        context: dict[str, Any] = {"show_save_and_add_another": False}
        if client_id := _client_id(request, segment):
            with organization_scope(client_id):
                context |= self._page(request, client_id, segment)
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _page(self, request: HttpRequest, client_id: UUID, segment: Segment | None) -> dict[str, Any]:
        may_write = self._may_write(request, segment)
        config = builder_config(client_id) if may_write else {}
        return {
            "segment": segment,
            "may_write": may_write,
            "builder_config": {
                **config,
                "url": reverse("admin:contacts_segment_preview"),
                "client": str(client_id),
                "rule": segment.rule if segment else None,
            },
            "used_by": segment.campaign_segments.select_related("campaign")[:50] if segment else (),
        }

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        problems = getattr(context["adminform"].form, "rule_problems", ())
        if "builder_config" in context:
            context["builder_config"]["problems"] = {problem.path: problem.message for problem in problems}
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        values = {name: form.cleaned_data[name] for name in ("name", "description", "rule")}
        if change:
            services.segment_change(segment_id=obj.pk, **values)
            return
        client = access_of(request).current
        assert client is not None
        added = services.segment_add(organization=client, **values)
        obj.pk, obj._state.adding, obj.organization = added.pk, False, added.organization

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """A segment that campaigns use stays: the message names them."""
        segment = self.get_object(request, object_id)
        if segment and self.has_delete_permission(request, segment) and (names := _campaign_names(segment)):
            self.message_user(
                request, f"“{segment}” is used by {names}. Take it out of these campaigns first.", level="error"
            )
            return HttpResponseRedirect(reverse("admin:contacts_segment_change", args=[segment.pk]))
        return super().delete_view(request, object_id, extra_context)

    def get_custom_urls(self) -> Any:
        # Unfold hands itself to these views; ours is a plain function of the request.
        return (("preview/", "contacts_segment_preview", lambda request, model_admin: preview_view(request)),)

    # What can be done with a segment

    @action(description="Show these people", url_path="people", icon="group", permissions=["contacts_view"])
    def show_people(self, request: HttpRequest, object_id: str) -> HttpResponse:
        segment = self._segment(request, object_id, Permission.CONTACTS_VIEW)
        return HttpResponseRedirect(f"{reverse('admin:contacts_contact_changelist')}?segment={segment.pk}")

    @action(
        description="Add these people to a group", url_path="add-to-group", icon="group_add",
        permissions=["contacts_manage"],
    )  # fmt: skip
    def add_to_group(self, request: HttpRequest, object_id: str) -> HttpResponse:
        segment = self._segment(request, object_id, Permission.CONTACTS_MANAGE)
        back = reverse("admin:contacts_segment_change", args=[segment.pk])
        form = GroupForSegmentForm(request.POST or None, organization_id=segment.organization_id)
        if request.method == "POST" and form.is_valid():
            group = form.cleaned_data["group"]
            wake(
                "contacts.add_segment_to_group",
                organization_id=segment.organization_id,
                segment_id=segment.pk,
                group_id=group.pk,
            )
            self.message_user(request, f"Everybody who is in “{segment}” now is being added to “{group}”.")
            return HttpResponseRedirect(reverse("admin:contacts_contactgroup_change", args=[group.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Add the people of “{segment}” to a group",
            "people": _count_words(segment),
            "opts": self.opts,
            "form": form,
            "back_url": back,
        }
        return TemplateResponse(request, "contacts/segments/add_to_group.html", context)

    def _segment(self, request: HttpRequest, object_id: str, permission: Permission) -> Segment:
        segment = self.get_object(request, object_id)
        if segment is None:
            raise Http404
        access_of(request).require(permission, segment.organization_id)
        return segment


def preview_view(request: HttpRequest) -> HttpResponse:
    """What a rule would find: POST `client`, `rule` → JSON for the builder.

    {"problems": {path: sentence}} for a rule that is not finished; else {"sentence", "count", "note", "people"}.
    """
    if request.method != "POST":
        return HttpResponseBadRequest("A preview is asked for by POST.")
    wanted = request.POST.get("client", "")
    client = next((known for known in access_of(request).organizations if str(known.pk) == wanted), None)
    if client is None:
        raise Http404
    access_of(request).require(Permission.CONTACTS_VIEW, client.pk)
    with organization_scope(client):
        try:
            rule = parse_rule(read_rule_text(request.POST.get("rule", "")))
            check_rule(client.pk, rule)
        except BadRule as refused:
            return JsonResponse({"problems": {problem.path: problem.message for problem in refused.problems}})
        return JsonResponse({"problems": {}, "sentence": rule_sentence(client.pk, rule), **_found(client.pk, rule)})


def _found(client_id: UUID, rule: Any) -> dict[str, Any]:
    count, note = None, ""
    people: list[Contact] = []
    try:
        count = people_count(client_id, rule)
        people = people_sample(client_id, rule, count=count)
    except TookTooLong as error:
        note = f"{error} {_IN_THE_BACKGROUND}" if count is None else ""
    return {"count": count, "note": note, "people": [_person(contact) for contact in people]}


def _person(contact: Contact) -> dict[str, str]:
    return {
        "email": contact.email,
        "name": contact.full_name,
        "status": contact.get_status_display(),
        "url": reverse("admin:contacts_contact_change", args=[contact.pk]),
    }


def _campaign_names(segment: Segment) -> str:
    names = list(segment.campaign_segments.values_list("campaign__name", flat=True)[: SHOWN_CAMPAIGNS + 1])
    more = " and others" if len(names) > SHOWN_CAMPAIGNS else ""
    return ", ".join(f"“{name}”" for name in names[:SHOWN_CAMPAIGNS]) + more


def _count_words(segment: Segment) -> str:
    try:
        return count_of(people_count(segment.organization_id, segment.rule), "person", "people")
    except TookTooLong:
        return "everybody who is in the segment"


def _client_id(request: HttpRequest, segment: Segment | None) -> UUID | None:
    if segment is not None:
        return segment.organization_id
    current = access_of(request).current
    return current.pk if current else None
