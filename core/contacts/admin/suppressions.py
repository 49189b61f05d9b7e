"""The suppression lists of the clients: added to by hand or from a file, removed from by those who have the right."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import register
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from core.accounts.forms import refusal_of
from core.accounts.model_admins import AgencyModelAdmin, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.contacts import services
from core.contacts.addresses import email_key_of
from core.contacts.admin.refusals import RefusalPages
from core.contacts.admin.suppression_lists import SuppressionListPages
from core.contacts.choices import SuppressionKind, SuppressionReason
from core.contacts.forms.suppressions import AgencySuppressionForm, RemovalForm, SuppressionForm
from core.contacts.models import AgencySuppression, Suppression
from core.contacts.resources import SuppressionResource
from core.contacts.suppression_keys import keys_of, suppression_key
from core.contacts.suppression_words import removal_sentences
from core.exports.admin import ExportableAdmin

_REASON_COLORS = {
    SuppressionReason.UNSUBSCRIBED: "info",
    SuppressionReason.BOUNCED: "warning",
    SuppressionReason.COMPLAINED: "danger",
    SuppressionReason.MANUAL: "info",
    SuppressionReason.IMPORTED: "info",
    SuppressionReason.ERASED: "warning",
}


class SuppressionPages(SuppressionListPages):
    """What both lists have in common. `add_service` and `remove_service` are theirs."""

    add_service: Callable[..., Any]
    remove_service: Callable[..., bool]

    change_permission: Permission | None = None
    delete_permission: Permission
    list_filter = (("kind", ChoicesDropdownFilter), ("reason", ChoicesDropdownFilter))
    search_fields = ("key",)
    search_help_text = "The beginning of an address or domain, or a hash; a whole address also finds its hashes"
    actions_list: tuple[str, ...] = ("add_list",)
    empty_icon = "block"

    @display(description="who")
    def shown(self, obj: Suppression | AgencySuppression) -> str:
        return str(obj)

    @display(description="kind")
    def kind_label(self, obj: Suppression | AgencySuppression) -> str:
        return obj.get_kind_display()

    @display(description="reason", label=_REASON_COLORS)
    def reason_label(self, obj: Suppression | AgencySuppression) -> tuple[str, str]:
        return obj.reason, obj.get_reason_display()

    @display(description="since", ordering="id")
    def since(self, obj: Suppression | AgencySuppression) -> Any:
        """Keys rise with time, so that the order by key is the order of arrival."""
        return obj.created_at

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        return ("since",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Removed one by one: each with what it means."""
        return {}

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Through the key, which has an index. Somebody's whole address also finds what suppresses it otherwise."""
        term = email_key_of(search_term.strip())
        if not term:
            return queryset, False
        found = Q()
        for kind in (SuppressionKind.ADDRESS, SuppressionKind.DOMAIN, SuppressionKind.MD5, SuppressionKind.SHA256):
            found |= Q(key__startswith=suppression_key(kind, term.removeprefix("@")))
        return queryset.filter(found | Q(key__in=keys_of(term)) if "@" in term else found), False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form tries the write that saving will do, so that a refusal stands beside the field."""
        form_class = super().get_form(request, obj, change=change, **kwargs)
        scope = self._scope(request)
        add = type(self).add_service

        class Checked(form_class):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                if cleaned.get("email") and not self.errors:
                    problem = refusal_of(lambda: add(**scope, **cleaned))
                    if problem:
                        self.add_error("email", problem)
                return cleaned

        return Checked

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        added = type(self).add_service(**self._scope(request), **form.cleaned_data)
        obj.__dict__.update(added.__dict__)

    def _scope(self, request: HttpRequest) -> dict[str, Any]:
        """What the services need to know besides the form."""
        return {}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Asks once and says what it means. A complaint is removed only with a reason."""
        suppression = self.get_object(request, object_id)
        if suppression is None:
            raise Http404
        access_of(request).require(
            self.delete_permission,
            getattr(suppression, "organization_id", None),
        )
        is_complaint = suppression.reason == SuppressionReason.COMPLAINED
        form = RemovalForm(request.POST or None, is_complaint=is_complaint)
        if request.method == "POST" and form.is_valid():
            return self._removed(request, suppression, form.cleaned_data["why"])
        context = {
            **self.admin_site.each_context(request),
            "title": f"Remove {suppression} from the list",
            "opts": self.opts,
            "sentences": removal_sentences(suppression),
            "form": form,
            "back_url": self._url("changelist"),
        }
        return TemplateResponse(request, "contacts/suppression_remove.html", context)

    def _removed(self, request: HttpRequest, suppression: Any, why: str) -> HttpResponse:
        name = str(suppression)
        try:
            type(self).remove_service(suppression_id=suppression.pk, why=why)
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{name} is no longer on the list.")
        return HttpResponseRedirect(self._url("changelist"))

    def _url(self, page: str, *arguments: UUID) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=arguments)


@register(Suppression)
class SuppressionAdmin(RefusalPages, SuppressionPages, ExportableAdmin, OrganizationModelAdmin):
    export_permission = Permission.CONTACTS_EXPORT
    resource_classes = [SuppressionResource]
    actions_list = ("add_list", "lift_refusals", "export_list")
    form = SuppressionForm
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.SUPPRESSIONS_MANAGE
    delete_permission = Permission.SUPPRESSIONS_REMOVE
    add_service = services.suppression_add
    remove_service = services.suppression_remove

    list_display = ("shown", "kind_label", "scope", "reason_label", "note", "since")
    list_select_related = ("group",)
    fields = ("email", "reason", "note", "group")
    empty_title = "Nobody is suppressed"
    empty_text = (
        "Addresses come here when people unsubscribe, bounce or complain. Add some by hand, or the do-not-mail list of "
        "the tool used before."
    )

    @display(description="gets")
    def scope(self, obj: Suppression) -> str:
        return f"nothing through “{obj.group}”" if obj.group_id else "no mail"

    def _scope(self, request: HttpRequest) -> dict[str, Any]:
        return {"organization": access_of(request).current}

    @action(description="Add a do-not-mail list", url_path="list", icon="upload", permissions=["suppressions_manage"])
    def add_list(self, request: HttpRequest) -> HttpResponse:
        return self._list_page(request)


@register(AgencySuppression)
class AgencySuppressionAdmin(SuppressionPages, AgencyModelAdmin):
    """Applies to every client. Superusers only."""

    add_permission = delete_permission = Permission.AGENCY
    form = AgencySuppressionForm
    add_service = services.agency_suppression_add
    remove_service = services.agency_suppression_remove

    list_display = ("shown", "kind_label", "reason_label", "note", "since")
    fields = ("email", "reason", "note")
    empty_title = "Nobody is suppressed for the whole agency"
    empty_text = "What stands here gets no mail of any client: people who wrote to the agency, or spam traps."

    @action(description="Add a do-not-mail list", url_path="list", icon="upload", permissions=["agency"])
    def add_list(self, request: HttpRequest) -> HttpResponse:
        return self._list_page(request)
