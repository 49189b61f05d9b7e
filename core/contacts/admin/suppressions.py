"""The suppression list: added to by hand, removed from by those who have the right."""

from typing import Any

from django.contrib.admin import register
from django.http import HttpRequest
from unfold.decorators import display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.contacts import services
from core.contacts.addresses import email_key_of
from core.contacts.choices import SuppressionReason
from core.contacts.forms import SuppressionForm
from core.contacts.models import Suppression

_REASON_COLORS = {
    SuppressionReason.UNSUBSCRIBED: "info",
    SuppressionReason.BOUNCED: "warning",
    SuppressionReason.COMPLAINED: "danger",
    SuppressionReason.MANUAL: "info",
}


@register(Suppression)
class SuppressionAdmin(OrganizationModelAdmin):
    form = SuppressionForm
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.SUPPRESSIONS_MANAGE
    change_permission = None
    delete_permission = Permission.SUPPRESSIONS_MANAGE

    list_display = ("email", "reason_label", "note", "created_at")
    list_filter = ("reason",)
    search_fields = ("email",)
    fields = ("email", "reason", "note")
    empty_title = "Nobody is suppressed"
    empty_text = "Addresses come here when people unsubscribe, bounce or complain. You can add some by hand."
    empty_icon = "block"

    @display(description="reason", ordering="reason", label=_REASON_COLORS)
    def reason_label(self, obj: Suppression) -> tuple[str, str]:
        return obj.reason, obj.get_reason_display()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term.casefold())

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change=change, **kwargs)
        client = access_of(request).current

        class Checked(form_class):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                email = cleaned.get("email")
                same = Suppression.objects.filter(organization=client, key=f"address:{email_key_of(email or '')}")
                if email and client and same.exists():
                    self.add_error("email", f"{email} is on the suppression list already.")
                return cleaned

        return Checked

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        values = form.cleaned_data
        client = access_of(request).current
        assert client is not None
        added = services.suppression_add(
            organization=client, email=values["email"], reason=values["reason"], note=values["note"]
        )
        obj.pk, obj._state.adding, obj.organization = added.pk, False, client

    def delete_model(self, request: HttpRequest, obj: Suppression) -> None:
        services.suppression_remove(suppression_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for pk in list(queryset.values_list("pk", flat=True)):
            services.suppression_remove(suppression_id=pk)
