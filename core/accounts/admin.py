"""The history: everything people changed, for looking only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from core.accounts.audit_words import action_words
from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.models import AuditEvent
from core.accounts.permissions import Permission
from core.common.moments import shown_moment


@admin.register(AuditEvent)
class AuditEventAdmin(OrganizationModelAdmin):
    """Nobody adds, changes or deletes here; the database would refuse it as well."""

    view_permission = Permission.HISTORY_VIEW
    list_display = ("shown_action", "object_label", "actor_label", "shown_at", "ip_address")
    list_filter = (("at", RangeDateTimeFilter),)
    search_fields = ("actor_label__istartswith", "object_label__istartswith")
    search_help_text = "Who, or the name of what was changed"
    ordering = ("-id",)
    fields = ("shown_action", "object_label", "actor_label", "at", "ip_address", "request_id", "shown_changes")
    readonly_fields = fields
    empty_title = "Nothing has been changed yet"
    empty_text = "Whatever somebody changes is noted here with the values before and after, and cannot be removed."
    empty_icon = "history"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """No form offers rows here, and events of the agency belong to no client: the open scope stays as it is."""
        extra = {"show_history": False, **(extra_context or {})}
        return super(OrganizationModelAdmin, self).changeform_view(request, object_id, form_url, extra)

    @display(description="what")
    def shown_action(self, event: AuditEvent) -> str:
        return action_words(event)

    @display(description="when", ordering="at")
    def shown_at(self, event: AuditEvent) -> SafeString | str:
        return shown_moment(event.at)

    @display(description="changes")
    def shown_changes(self, event: AuditEvent) -> SafeString:
        return mark_safe(render_to_string("adminsite/history_changes.html", {"event": event}).strip() or "–")
