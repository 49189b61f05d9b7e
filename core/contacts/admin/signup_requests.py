"""Who asked to be subscribed, and what became of it."""

from typing import Any

from django.contrib.admin import helpers, register
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.contacts.admin.signup_forms import STATE_COLORS, people_words
from core.contacts.models import SignupRequest
from core.contacts.resources import SignupRequestResource
from core.contacts.services.signups import signup_resend
from core.exports.admin import ExportableAdmin

MOST_AT_ONCE = 100


@register(SignupRequest)
class SignupRequestAdmin(ExportableAdmin, OrganizationModelAdmin):
    """Requests come from forms only. Unconfirmed ones are forgotten after a month."""

    export_permission = Permission.CONTACTS_EXPORT
    resource_classes = [SignupRequestResource]
    actions_list = ("export_list",)
    view_permission = Permission.CONTACTS_VIEW
    list_display = ("email", "state_label", "form", "created_at", "confirmed_at", "problem")
    list_filter = ("state", "form")
    list_select_related = ("form",)
    search_fields = ("email_key__startswith",)
    search_help_text = "The beginning of an address"
    fields = ("email", "form", "state", "problem", "consent_text", "created_at", "confirmed_at", "contact", "network")
    actions = ("resend_selected",)
    empty_title = "Nobody has asked yet"
    empty_text = "Share a form: whoever fills it in stands here, with what became of the confirmation mail."
    empty_icon = "mark_email_unread"

    @display(description="state", ordering="state", label=dict(STATE_COLORS))
    def state_label(self, obj: SignupRequest) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term.casefold())

    @action(description="Send the confirmation again", permissions=["contacts_manage"])
    def resend_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        """Only those whose mail went out or failed, and who did not confirm."""
        ids = list(queryset.values_list("pk", flat=True)[:MOST_AT_ONCE])
        back = reverse("admin:contacts_signuprequest_changelist")

        def perform() -> str:
            again = sum(signup_resend(request_id=pk) for pk in ids)
            rest = len(ids) - again
            skipped = f" {rest:,} left out: confirmed already, or the mail is on its way." if rest else ""
            return f"The confirmation goes out again to {people_words(again)}.{skipped}"

        selection = [(helpers.ACTION_CHECKBOX_NAME, str(pk)) for pk in ids]
        confirmation = Confirmation(
            title="Send the confirmation again",
            submit_label=f"Send again to {people_words(len(ids))}",
            back_url=back,
            sentences=(
                f"{people_words(len(ids))} get the confirmation mail of their form once more, at most {MOST_AT_ONCE} "
                "at a time. Who confirmed already gets nothing.",
            ),
            hidden=(("action", "resend_selected"), ("confirmed", "yes"), *selection),
        )
        is_confirmed = request.POST.get("confirmed") == "yes"
        return self.confirmed(request, confirmation, perform=perform, done_url=back, is_confirmed=is_confirmed)
