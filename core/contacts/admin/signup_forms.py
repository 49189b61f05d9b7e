"""Signup forms: made, looked at while they are made, shared, and followed."""

import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.db.models import IntegerField, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.common.paginator import COUNT_CAP
from core.common.tenancy import organization_scope
from core.contacts.choices import SignupState
from core.contacts.forms.signup_forms import SignupFormForm
from core.contacts.models import SignupForm, SignupRequest
from core.contacts.public.links import signup_url
from core.contacts.public.signup_page import form_page, frame_snippet, html_snippet
from core.contacts.public.wording import LANGUAGE_NAMES
from core.contacts.services.signup_forms import signup_form_set_groups
from core.contacts.services.signups import signup_admit
from core.contacts.signup_readiness import confirmation_problem

RECENT_REQUESTS = 10
STATE_LABELS = {True: "Active", False: "Closed"}
STATE_COLORS = {
    SignupState.WAITING: "warning",
    SignupState.SENT: "info",
    SignupState.FAILED: "danger",
    SignupState.CONFIRMED: "success",
}
_PREVIEWED = ("title", "introduction", "button", "consent_text")


class CountOf(Subquery):
    """How many rows the subquery has."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


@register(SignupForm)
class SignupFormAdmin(OrganizationModelAdmin):
    form = SignupFormForm
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    list_display = ("name", "state", "group_names", "asked", "shown_confirmed", "rate")
    search_fields = ("name",)
    fieldsets = (
        (
            "What people see",
            {"fields": ("title", "introduction", "asked_fields", "consent_text", "button", "language")},
        ),
        ("What it does", {"fields": ("groups",)}),
        ("For you", {"fields": ("name", "is_active")}),
    )
    actions_detail = ("admit_waiting",)
    change_form_outer_before_template = "contacts/signup_form_problem.html"
    change_form_outer_after_template = "contacts/signup_form_panels.html"
    empty_title = "No forms yet"
    empty_text = (
        "With a form people subscribe themselves: on a page of ours or on the client's own site. "
        "Each confirms by mail, so you can prove the consent."
    )
    empty_icon = "dynamic_form"

    class Media:
        css = {"all": ("contacts/signup_form.css",)}
        js = ("contacts/signup_form.js",)

    # The list

    def get_queryset(self, request: HttpRequest) -> Any:
        """With what was asked and confirmed in 30 days, counted up to the cap."""
        since = timezone.now() - datetime.timedelta(days=30)
        recent = SignupRequest.objects.filter(
            organization_id=OuterRef("organization_id"), form_id=OuterRef("pk"), created_at__gte=since
        ).order_by()
        confirmed = recent.filter(state=SignupState.CONFIRMED)
        return (
            super()
            .get_queryset(request)
            .annotate(
                asked_count=CountOf(recent.values("pk")[: COUNT_CAP + 1]),
                confirmed_count=CountOf(confirmed.values("pk")[: COUNT_CAP + 1]),
            )
            .prefetch_related("form_groups__group")
        )

    @display(description="state", ordering="is_active", label={"Active": "success", "Closed": "info"})
    def state(self, obj: SignupForm) -> str:
        return STATE_LABELS[obj.is_active]

    @display(description="groups")
    def group_names(self, obj: SignupForm) -> str:
        return ", ".join(sorted(str(row.group) for row in obj.form_groups.all())) or "No group"

    @display(description="asked, 30 days")
    def asked(self, obj: Any) -> str:
        return _capped(obj.asked_count)

    @display(description="confirmed")
    def shown_confirmed(self, obj: Any) -> str:
        return _capped(obj.confirmed_count)

    @display(description="rate")
    def rate(self, obj: Any) -> str:
        is_known = 0 < obj.asked_count <= COUNT_CAP
        return f"{100 * obj.confirmed_count / obj.asked_count:.1f} %" if is_known else "–"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Forms are closed rather than deleted: links on other sites lead to them."""
        return {}

    # The page

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        client = access_of(request).current
        name = client.name if client else ""
        initial = {
            "title": "Our newsletter",
            "consent_text": f"I would like to get mails from {name}. I can unsubscribe at any time.",
        }
        return {**initial, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: SignupForm, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        signup_form_set_groups(form=obj, groups=form.cleaned_data.get("groups", ()))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        signup_form = self.get_object(request, object_id) if object_id else None
        client = signup_form.organization if signup_form else access_of(request).current
        context = dict(extra_context or {})
        if client is not None:
            with organization_scope(client):
                context |= self._panels(signup_form, client)
        return super().changeform_view(request, object_id, form_url, context)

    def _panels(self, signup_form: SignupForm | None, client: Organization) -> dict[str, Any]:
        panels: dict[str, Any] = {
            "delivery_problem": confirmation_problem(client),
            "preview_url": reverse("admin:contacts_signupform_preview"),
            "preview_client": client,
        }
        if signup_form is None:
            return panels
        requests = SignupRequest.objects.filter(form=signup_form)
        return {
            **panels,
            "signup_form": signup_form,
            "shares": (
                ("Link", "To the page that we host.", signup_url(signup_form.pk), False),
                ("Frame", "The form in our look, inside the client's site.", frame_snippet(signup_form), True),
                ("HTML", "A plain form that takes on the look of the client's site.", html_snippet(signup_form), True),
            ),
            "recent_requests": [(row, STATE_COLORS[SignupState(row.state)]) for row in requests[:RECENT_REQUESTS]],
            "waiting_for_room": _waiting_for_room(signup_form.pk),
            "requests_url": reverse("admin:contacts_signuprequest_changelist") + f"?form__id__exact={signup_form.pk}",
        }

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview)
        return [path("preview/", preview, name="contacts_signupform_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """The page as it would be with what stands in the form at the moment. Saves nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        client = self._preview_client(request)
        asked = request.GET.get
        language = asked("language", "")
        signup_form = SignupForm(
            organization=client,
            asked_fields=request.GET.getlist("asked_fields"),
            language=language if language in LANGUAGE_NAMES else "en",
            **{name: asked(name, "").replace("\0", "")[:500] for name in _PREVIEWED},
        )
        with organization_scope(client):
            return form_page(signup_form, embedded=True, framed_by="'self'")

    def _preview_client(self, request: HttpRequest) -> Organization:
        wanted = request.GET.get("client", "")
        found = next((client for client in access_of(request).in_reach if str(client.pk) == wanted), None)
        if found is None:
            raise Http404
        access_of(request).require(Permission.CONTACTS_VIEW, found.pk)
        return found

    # Actions

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only while somebody waits."""
        actions = super().get_actions_detail(request, object_id)
        return actions if _waiting_for_room(object_id) else []

    @action(description="Add those who wait", url_path="admit", permissions=["contacts_manage"], icon="person_add")
    def admit_waiting(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        signup_form = SignupForm.objects.select_related("organization").get(pk=object_id)
        page = reverse("admin:contacts_signupform_change", args=[object_id])
        waiting = _waiting_for_room(object_id)

        def perform() -> str:
            added, left = signup_admit(form_id=object_id)
            rest = f" {left:,} still wait: the plan has no room for them." if left else ""
            return f"{people_words(added)} of “{signup_form}” subscribed.{rest}"

        confirmation = Confirmation(
            title=f"Add those who wait for “{signup_form}”",
            submit_label=f"Add {people_words(waiting)}",
            back_url=page,
            sentences=(
                f"{people_words(waiting)} confirmed while the plan of {signup_form.organization} had no room. "
                "They become contacts now, as far as the plan goes.",
            ),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)


def _capped(count: int) -> str:
    return f"{COUNT_CAP:,}+" if count > COUNT_CAP else f"{count:,}"


def people_words(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _waiting_for_room(form_id: Any) -> int:
    waiting = SignupRequest.objects.filter(form_id=form_id, confirmed_at__isnull=False)
    return waiting.exclude(state=SignupState.CONFIRMED).count()
