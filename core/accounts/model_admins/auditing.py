"""What people change in the admin goes to the audit log; Django's own LogEntry is not written."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from core.accounts import audit
from core.accounts.model_admins.rights import organization_id_of
from core.accounts.models import AuditEvent
from core.common.tenancy import all_organizations

HISTORY_ROWS = 100


class AuditedAdmin(ModelAdmin):
    """Writes an audit row inside the admin's own transaction, and shows an object's rows as its history page."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        names = [name for name in form.changed_data if _is_column(obj, name)]
        stored = type(obj)._default_manager.get(pk=obj.pk) if change else None
        before = audit.field_values(stored, names) if stored else {}
        super().save_model(request, obj, form, change)
        verb = "changed" if change else "added"
        changes = audit.changed_fields(before, audit.field_values(obj, names))
        if stored:
            changes |= audit.changed_secrets(stored, obj, names)
        if changes or not change:
            audit.record(action=f"{obj._meta.model_name}.{verb}", obj=obj, changes=changes)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for verb, rows in (
            ("added", formset.new_objects),
            ("changed", [row for row, _fields in formset.changed_objects]),
            ("removed", formset.deleted_objects),
        ):
            for row in rows:
                name = f"{row._meta.model_name} {verb}"
                audit.record(
                    action=f"{form.instance._meta.model_name}.changed",
                    obj=form.instance,
                    changes={name: [None, str(row)]},
                )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.record(action=f"{obj._meta.model_name}.deleted", obj=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            audit.record(action=f"{obj._meta.model_name}.deleted", obj=obj)
        super().delete_queryset(request, queryset)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit log replaces Django's LogEntry, whose rows know no organization."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """See log_addition."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """See log_addition."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.model._meta, object_id)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj}",
            "opts": self.model._meta,
            "object": obj,
            "original": obj,
            "audit_events": self._newest_events(obj),
            "history_rows": HISTORY_ROWS,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)

    def _newest_events(self, obj: models.Model) -> list[AuditEvent]:
        """What is noted of this object. Things of the agency belong to no client, so their events lie in no scope."""
        events = AuditEvent.objects.filter(object_type=self.model._meta.label_lower, object_id=str(obj.pk))
        if organization_id_of(obj) is not None:
            return list(events[:HISTORY_ROWS])
        with all_organizations(reason="the history of something of the agency"):
            return list(events[:HISTORY_ROWS])


def _is_column(obj: models.Model, name: str) -> bool:
    return any(field.name == name for field in obj._meta.concrete_fields)
