import datetime

from django.utils import timezone
from django_celery_results.models import TaskResult

from core.adminsite.tasks import RESULTS_KEPT, clear_job_results


def test_clear_job_results_removes_only_old_ones(db: None) -> None:
    new = TaskResult.objects.create(task_id="new")
    old = TaskResult.objects.create(task_id="old")
    TaskResult.objects.filter(pk=old.pk).update(date_done=timezone.now() - RESULTS_KEPT - datetime.timedelta(hours=1))
    assert clear_job_results() == {"removed": 1}
    assert list(TaskResult.objects.all()) == [new]
