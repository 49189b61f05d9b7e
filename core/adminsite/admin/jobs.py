"""Periodic jobs and what they did, in our style."""

from collections.abc import Iterable
from typing import Any

from celery import current_app
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    IntervalScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    SolarScheduleAdmin,
    TaskSelectWidget,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_celery_results.models import GroupResult, TaskResult
from kombu.utils.json import loads
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.accounts import audit
from core.accounts.model_admins import AgencyModelAdmin, Confirmation
from core.accounts.model_admins.rights import MatrixRights
from core.accounts.permissions import Permission
from core.adminsite.job_words import result_words, schedule_words, took_words
from core.common.errors import DomainError
from core.common.moments import shown_moment

for _model in (
    PeriodicTask,
    IntervalSchedule,
    CrontabSchedule,
    SolarSchedule,
    ClockedSchedule,
    TaskResult,
    GroupResult,
):
    admin.site.unregister(_model)


class JobChangeList(ChangeList):
    """Gives every job of the page its newest result, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        newest = newest_results(job.name for job in self.result_list)
        for job in self.result_list:
            job.newest_result = newest.get(job.name)


def newest_results(names: Iterable[str]) -> dict[str, Any]:
    """The newest finished run of each of these periodic jobs, by the job's name."""
    found: Iterable[Any] = (
        TaskResult.objects.filter(periodic_task_name__in=list(names))
        .exclude(status="STARTED")
        .order_by("periodic_task_name", "-id")
        .distinct("periodic_task_name")
    )
    return {result.periodic_task_name: result for result in found}


class _TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """Unfold's look, the scheduler's list of known tasks."""


class JobForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
            self.fields["regtask"].widget = _TaskSelect()


@admin.register(PeriodicTask)
class JobAdmin(AgencyModelAdmin, PeriodicTaskAdmin):
    """Jobs of `core/schedule.py` and those added by hand. A job can be switched off, paced and run now."""

    form = JobForm
    change_form_template = None
    date_hierarchy = None
    list_display = ("name", "enabled", "shown_schedule", "shown_last_run", "shown_took", "shown_result")
    list_filter = ("enabled",)
    search_fields = ("name__istartswith", "task__istartswith")
    actions = ()
    actions_detail = ("run_now",)
    actions_row = ("run_now_from_list",)
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled")}),
        ("What runs", {"fields": ("regtask", "task", "args", "kwargs")}),
        ("When", {"fields": ("interval", "crontab", "solar", "clocked", "start_time", "one_off", "last_run_at")}),
    )
    readonly_fields = ("last_run_at",)
    empty_title = "No jobs yet"
    empty_text = "Run manage.py sync_schedule: it adds the jobs of core/schedule.py."
    empty_icon = "schedule"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    @action(description="Run now", icon="play_arrow", permissions=["agency"], url_path="run-now")
    def run_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = get_object_or_404(PeriodicTask, pk=object_id)
        confirmation = Confirmation(
            title=f"Run “{job.name}” now",
            submit_label="Run now",
            back_url=reverse("admin:django_celery_beat_periodictask_changelist"),
            sentences=(f"The next free worker runs it once. {job.description}".strip(),),
            facts=(("Otherwise every", schedule_words(job)), ("Task", job.task)),
        )
        return self.confirmed(request, confirmation, perform=lambda: run_job(job), done_url=confirmation.back_url)

    @action(description="Run now", permissions=["agency"], url_path="run-now-from-list")
    def run_now_from_list(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.run_now(request, object_id=object_id)

    @display(description="every")
    def shown_schedule(self, job: PeriodicTask) -> str:
        return schedule_words(job)

    @display(description="last run", ordering="last_run_at")
    def shown_last_run(self, job: Any) -> Any:
        return shown_moment(job.newest_result.date_done if job.newest_result else job.last_run_at)

    @display(description="took")
    def shown_took(self, job: Any) -> str:
        return took_words(job.newest_result)

    @display(description="what it did")
    def shown_result(self, job: Any) -> str:
        return result_words(job.newest_result)


def run_job(job: PeriodicTask) -> str:
    """Hand one run to the workers, and note who asked. Raises DomainError for a task no worker knows."""
    current_app.loader.import_default_modules()
    task = current_app.tasks.get(job.task)
    if task is None:
        raise DomainError(f"No worker knows the task {job.task}. Choose another under “What runs”.")
    task.apply_async(args=loads(job.args), kwargs=loads(job.kwargs), headers={"periodic_task_name": job.name})
    audit.record(action="job.run_now", obj=job)
    return f"“{job.name}” is handed to the workers. Its result appears in this list when it is done."


class JobsOfSchedule(MatrixRights, TabularInline):
    """The jobs that use a schedule, for looking."""

    model = PeriodicTask
    view_permission = Permission.AGENCY
    fields = ("name", "task", "enabled")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "jobs on this schedule"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(IntervalSchedule)
class IntervalAdmin(AgencyModelAdmin, IntervalScheduleAdmin):
    inlines = (JobsOfSchedule,)


@admin.register(CrontabSchedule)
class CrontabAdmin(AgencyModelAdmin, CrontabScheduleAdmin):
    inlines = (JobsOfSchedule,)


@admin.register(SolarSchedule)
class SolarAdmin(AgencyModelAdmin, SolarScheduleAdmin):
    inlines = (JobsOfSchedule,)


@admin.register(ClockedSchedule)
class ClockedAdmin(AgencyModelAdmin, ClockedScheduleAdmin):
    inlines = (JobsOfSchedule,)


@admin.register(TaskResult)
class JobResultAdmin(AgencyModelAdmin):
    """Written by the workers, kept for three days."""

    add_permission = None
    change_permission = None
    delete_permission = None
    list_display = ("shown_name", "shown_status", "shown_done", "shown_took", "shown_result")
    list_filter = ("status", "task_name")
    fieldsets = (
        (None, {"fields": ("periodic_task_name", "task_name", "shown_status", "shown_result", "shown_took", "worker")}),
        ("Times", {"fields": (("date_created", "date_started", "date_done"),)}),
        ("Details", {"fields": ("task_id", "task_args", "task_kwargs", "result", "traceback")}),
    )
    readonly_fields = (
        "periodic_task_name",
        "task_name",
        "shown_status",
        "shown_result",
        "shown_took",
        "worker",
        "date_created",
        "date_started",
        "date_done",
        "task_id",
        "task_args",
        "task_kwargs",
        "result",
        "traceback",
    )
    search_fields = ("task_name__istartswith", "task_id__startswith", "periodic_task_name__istartswith")
    empty_title = "No results yet"
    empty_text = "What background work did appears here for three days. Is a worker running?"
    empty_icon = "fact_check"

    @display(description="job", ordering="task_name")
    def shown_name(self, result: Any) -> str:
        return result.periodic_task_name or result.task_name or result.task_id

    @display(
        description="result",
        ordering="status",
        label={"SUCCESS": "success", "FAILURE": "danger", "STARTED": "info", "RETRY": "warning", "REVOKED": "warning"},
    )
    def shown_status(self, result: Any) -> tuple[str, str]:
        return result.status, result.status.capitalize()

    @display(description="when", ordering="date_done")
    def shown_done(self, result: Any) -> Any:
        return shown_moment(result.date_done)

    @display(description="took")
    def shown_took(self, result: Any) -> str:
        return took_words(result)

    @display(description="what it did")
    def shown_result(self, result: Any) -> str:
        return result_words(result)


@admin.register(GroupResult)
class JobGroupResultAdmin(AgencyModelAdmin):
    """Written by the workers."""

    list_display = ("group_id", "date_done")
    search_fields = ("group_id__startswith",)
    fields = ("group_id", "date_created", "date_done", "result")
    readonly_fields = fields
    add_permission = None
    change_permission = None
    delete_permission = None
    empty_title = "No results of groups"
    empty_text = "Background work that is done in groups appears here."
    empty_icon = "fact_check"
