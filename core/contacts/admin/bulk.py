"""Changes of many contacts: how far each is, and what came of it. Reached from the list's actions."""

from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.choices import BULK_STATUS_COLORS, BulkStatus
from core.contacts.models import BulkChange
from core.contacts.presentation import count_of
from core.contacts.services.bulk import UNDER_WAY


@register(BulkChange)
class BulkChangeAdmin(OrganizationModelAdmin):
    view_permission = Permission.CONTACTS_MANAGE
    add_permission = None
    change_permission = None
    delete_permission = None

    list_display = ("title", "state", "changed", "created_by", "created_at")
    list_select_related = ("created_by",)
    list_filter = ("status",)
    actions_detail = ("stop",)
    empty_title = "No bulk changes yet"
    empty_text = "Filter the contacts, select all that match, and choose what to do with them."
    empty_icon = "checklist"

    @display(description="state", ordering="status", label=dict(BULK_STATUS_COLORS))
    def state(self, obj: BulkChange) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="changed")
    def changed(self, obj: BulkChange) -> str:
        return f"{obj.changed_count:,}"

    def get_custom_urls(self) -> Any:
        def progress(request: HttpRequest, model_admin: Any, object_id: UUID) -> HttpResponse:
            return self._progress(request, object_id)

        return (("<uuid:object_id>/progress/", "contacts_bulkchange_progress", progress),)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        is_under_way = BulkChange.objects.filter(pk=object_id, status__in=UNDER_WAY).exists()
        return super().get_actions_detail(request, object_id) if is_under_way else []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        change = self.get_object(request, object_id)
        if change is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        access_of(request).require(Permission.CONTACTS_MANAGE, change.organization_id)
        with organization_scope(change.organization_id):
            actions = self._get_actions_navigation(
                self.actions_detail, self.get_actions_detail(request, object_id), object_id
            )
            context = {
                **self.admin_site.each_context(request),
                "title": str(change),
                "opts": self.opts,
                "original": change,
                "change": change,
                "actions_detail": actions,
                "is_under_way": change.status in UNDER_WAY,
                "line": progress_line(change),
                "state_color": BULK_STATUS_COLORS[BulkStatus(change.status)],
                "list_url": reverse("admin:contacts_contact_changelist"),
            }
            return TemplateResponse(request, "contacts/bulk_change.html", context).render()

    @action(description="Stop", url_path="stop", icon="stop_circle", permissions=["contacts_manage"])
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        change = self.get_object(request, object_id)
        back = reverse("admin:contacts_bulkchange_change", args=[object_id])
        return self.confirmed(
            request,
            Confirmation(
                title=f"Stop “{change}”",
                sentences=(f"{count_of(change.changed_count, 'contact')} changed so far and stay changed.",),
                submit_label="Stop",
                back_url=back,
                is_danger=True,
            ),
            perform=lambda: f"“{services.bulk_cancel(bulk_change_id=change.pk)}” is stopped.",
            done_url=back,
        )

    def _progress(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        change = self.get_queryset(request).filter(pk=object_id).first()
        if change is None:
            return JsonResponse({}, status=404)
        access_of(request).require(Permission.CONTACTS_MANAGE, change.organization_id)
        body = {"line": progress_line(change), "is_under_way": change.status in UNDER_WAY}
        return JsonResponse(body, headers={"Cache-Control": "no-store"})


def progress_line(change: BulkChange) -> str:
    """How far it is, in one line."""
    if change.status == BulkStatus.QUEUED:
        return "Waiting for a worker."
    seen = f"{count_of(change.changed_count, 'contact')} changed of {change.seen_count:,} looked at"
    if change.status == BulkStatus.RUNNING:
        return f"{seen} so far."
    if change.status == BulkStatus.FAILED:
        return f"{seen}, then it stopped: {change.problem}"
    if change.status == BulkStatus.CANCELLED:
        return f"{seen} before it was stopped. They stay changed."
    return f"{seen}."
