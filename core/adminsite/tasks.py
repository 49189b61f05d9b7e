"""Housekeeping of the admin itself."""

import datetime

from django.utils import timezone
from django_celery_results.models import TaskResult

from core.common.tasks import Summary, agency_task

RESULTS_KEPT = datetime.timedelta(days=3)


@agency_task(name="adminsite.clear_job_results")
def clear_job_results() -> Summary:
    """Remove results of jobs that nobody looks back at any more."""
    removed, _ = TaskResult.objects.filter(date_done__lt=timezone.now() - RESULTS_KEPT).delete()
    return {"removed": removed}
