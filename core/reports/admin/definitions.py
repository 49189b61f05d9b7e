"""Reports that are kept: when they go out next, paused and resumed."""

from typing import Any, ClassVar

from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.moments import shown_moment
from core.common.tenancy import organization_scope
from core.reports import presentation as words
from core.reports import services
from core.reports.models import ReportDefinition

_COLORS = {"planned": "success", "paused": "warning", "problem": "danger", "kept": "info"}


@register(ReportDefinition)
class ReportDefinitionAdmin(OrganizationModelAdmin):
    """Opened in the builder, which is their form."""

    view_permission = Permission.RESULTS_EXPORT
    change_permission = Permission.RESULTS_EXPORT
    delete_permission = Permission.RESULTS_EXPORT

    list_display = ("name", "state", "plan", "next_moment", "people", "period")
    list_filter = ("frequency",)
    list_select_related = ("organization",)
    search_fields = ("name",)
    actions_list = ("new_report",)
    actions_row = ("pause", "resume")
    list_before_template = "reports/tabs_of_planned.html"
    empty_title = "No planned reports yet"
    empty_text = "Build a report, give it a name, and it can go out to the client every month by itself."
    empty_icon = "event_repeat"
    empty_way = ("Build a report", "admin:report_builder", Permission.RESULTS_EXPORT)

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("reports/reports.css",)}

    @display(description="state", label=_COLORS)
    def state(self, obj: ReportDefinition) -> tuple[str, str]:
        return words.state_of(obj)

    @display(description="goes out")
    def plan(self, obj: ReportDefinition) -> str:
        return obj.problem or words.plan_words(services.plan_of(obj), obj.organization.time_zone)

    @display(description="next", ordering="next_due_at")
    def next_moment(self, obj: ReportDefinition) -> str:
        return shown_moment(obj.next_due_at) if obj.next_due_at else "–"

    @display(description="to")
    def people(self, obj: ReportDefinition) -> str:
        return words.people_words(len(obj.recipients)) if obj.recipients else "nobody"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        definition = self.get_object(request, object_id)
        if definition is None:
            return self._unknown_object(request, object_id)
        access_of(request).require(Permission.RESULTS_EXPORT, definition.organization_id)
        return HttpResponseRedirect(f"{reverse('admin:report_builder')}?definition={definition.pk}")

    @action(description="New report", url_path="new-report", icon="add", permissions=["results_export"])
    def new_report(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:report_builder"))

    @action(description="Pause", url_path="pause", permissions=["results_export"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(
            request,
            object_id,
            title="Pause “{name}”?",
            submit="Pause",
            sentence="It goes out no more to {people} until somebody resumes it.",
            done="“{name}” is paused.",
            service=services.definition_pause,
        )

    @action(description="Resume", url_path="resume", permissions=["results_export"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(
            request,
            object_id,
            title="Resume “{name}”?",
            submit="Resume",
            sentence="It goes out to {people} again, from the next planned moment on. What was missed is not made up.",
            done="“{name}” goes out again.",
            service=services.definition_resume,
        )

    def _ask(
        self, request: HttpRequest, object_id: str, *, title: str, submit: str, sentence: str, done: str, service: Any
    ) -> HttpResponse:
        definition = self.get_object(request, object_id)
        if definition is None:
            return self._unknown_object(request, object_id)
        access_of(request).require(Permission.RESULTS_EXPORT, definition.organization_id)
        filled = {"name": definition.name, "people": words.people_words(len(definition.recipients))}
        back = reverse("admin:reports_reportdefinition_changelist")

        def perform() -> str:
            with organization_scope(definition.organization_id):
                service(definition_id=definition.pk)
            return done.format(**filled)

        confirmation = Confirmation(
            title=title.format(**filled),
            submit_label=submit,
            back_url=back,
            sentences=(sentence.format(**filled),),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=back)

    def delete_model(self, request: HttpRequest, obj: ReportDefinition) -> None:
        with organization_scope(obj.organization_id):
            services.definition_delete(definition_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)
