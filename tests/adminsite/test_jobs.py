"""Periodic jobs and their results in the admin."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from core.accounts.models import AuditEvent, Organization, User
from core.adminsite.admin.jobs import run_job
from core.adminsite.job_words import result_words, schedule_words
from core.common.errors import DomainError
from core.common.tenancy import all_organizations
from core.schedule import SCHEDULE

LIST = "admin:django_celery_beat_periodictask_changelist"


@pytest.fixture
def jobs(db: None, florist: Organization) -> list[PeriodicTask]:
    call_command("sync_schedule", verbosity=0)
    return list(PeriodicTask.objects.order_by("name"))


def _result(job: PeriodicTask, text: str, status: str = "SUCCESS") -> TaskResult:
    return TaskResult.objects.create(
        task_id=f"{job.pk}-{TaskResult.objects.count()}",
        task_name=job.task,
        periodic_task_name=job.name,
        status=status,
        result=text,
        content_type="application/json",
        content_encoding="utf-8",
    )


def test_list_says_what_each_job_did_last(jobs: list[PeriodicTask], superuser: User, signed_in: Callable) -> None:
    _result(jobs[0], '{"started": 1}')
    _result(jobs[0], '{"started": 1200, "recovered_batches": 3}')
    content = signed_in(superuser).get(reverse(LIST)).content.decode()
    assert "started 1,200, recovered batches 3" in content
    assert "has not run yet" in content


def test_list_costs_one_query_for_all_results(jobs: list[PeriodicTask], superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(reverse(LIST)).status_code == 200
    few = len(captured)
    interval = IntervalSchedule.objects.create(every=7, period="minutes")
    for number in range(15):
        _result(PeriodicTask.objects.create(name=f"Job {number}", task="x", interval=interval), "{}")
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(reverse(LIST)).status_code == 200
    assert len(captured) == few


def test_run_now_by_get_asks_and_runs_nothing(jobs: list[PeriodicTask], superuser: User, signed_in: Callable) -> None:
    url = reverse("admin:django_celery_beat_periodictask_run_now", args=[jobs[0].pk])
    response = signed_in(superuser).get(url)
    assert f"Run “{jobs[0].name}” now" in response.content.decode()
    with all_organizations(reason="test"):
        assert not AuditEvent.objects.exists()


def test_run_now_of_an_unknown_task_says_so(jobs: list[PeriodicTask]) -> None:
    jobs[0].task = "no.such.task"
    with pytest.raises(DomainError, match="No worker knows"):
        run_job(jobs[0])


def test_jobs_are_closed_to_members(jobs: list[PeriodicTask], member: Callable, signed_in: Callable) -> None:
    browser = signed_in(member("owner"))
    assert browser.get(reverse(LIST)).status_code == 403
    url = reverse("admin:django_celery_beat_periodictask_run_now", args=[jobs[0].pk])
    assert browser.get(url).status_code == 403
    assert browser.post(url).status_code == 403


@pytest.mark.parametrize(
    "name",
    ["periodictask", "intervalschedule", "crontabschedule", "solarschedule", "clockedschedule"],
)
def test_pages_of_the_scheduler_open(jobs: list[PeriodicTask], superuser: User, signed_in: Callable, name: str) -> None:
    browser = signed_in(superuser)
    for page in ("changelist", "add"):
        assert browser.get(reverse(f"admin:django_celery_beat_{name}_{page}")).status_code == 200


def test_job_and_its_result_open(jobs: list[PeriodicTask], superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    result = _result(jobs[0], '{"exc_type": "ValueError", "exc_message": ["no such host"]}', "FAILURE")
    assert browser.get(reverse("admin:django_celery_beat_periodictask_change", args=[jobs[0].pk])).status_code == 200
    page = reverse("admin:django_celery_results_taskresult_change", args=[result.pk])
    assert browser.get(page).status_code == 200
    assert browser.post(page, {"status": "SUCCESS"}).status_code == 403
    listing = browser.get(reverse("admin:django_celery_results_taskresult_changelist")).content.decode()
    assert "failed: no such host" in listing
    assert browser.get(reverse("admin:auth_group_changelist")).status_code == 200


def test_edited_interval_survives_the_next_sync(jobs: list[PeriodicTask]) -> None:
    edited = PeriodicTask.objects.get(name=SCHEDULE[0].name)
    edited.interval = IntervalSchedule.objects.create(every=2, period="hours")
    edited.enabled = False
    edited.save()
    call_command("sync_schedule", verbosity=0)
    edited.refresh_from_db()
    assert (schedule_words(edited), edited.enabled) == ("2 hours", False)


@pytest.mark.parametrize(
    "every,unit,words", [(86400, "seconds", "day"), (5, "seconds", "5 seconds"), (90, "minutes", "90 minutes")]
)
def test_schedule_words_use_the_largest_unit(every: int, unit: str, words: str) -> None:
    assert schedule_words(PeriodicTask(interval=IntervalSchedule(every=every, period=unit))) == words


def test_result_words_of_nothing_and_of_plain_text() -> None:
    assert result_words(None) == "has not run yet"
    assert result_words(TaskResult(status="SUCCESS", result="null")) == "done"
    assert result_words(TaskResult(status="SUCCESS", result="{}")) == "nothing to do"
    assert result_words(TaskResult(status="FAILURE", result="broken pipe")) == "failed: broken pipe"
