"""Bring the rows of django-celery-beat in line with core/schedule.py, keeping what people edited."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from core.schedule import SCHEDULE, PeriodicJob

MARK = "engagex"
"""Rows of ours carry this as their headers' origin, so that jobs removed from the table can be told from people's."""


class Command(BaseCommand):
    help = "Brings the periodic jobs in line with core/schedule.py. Edited intervals and switched-off jobs stay."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        created = sum(_sync(job) for job in SCHEDULE)
        names = [job.name for job in SCHEDULE]
        removed, _ = PeriodicTask.objects.filter(headers__contains=MARK).exclude(name__in=names).delete()
        PeriodicTasks.update_changed()
        self.stdout.write(f"Periodic jobs: {len(SCHEDULE)} known, {created} added, {removed} removed.")


def _sync(job: PeriodicJob) -> bool:
    """Create the row, or refresh its task and description. Returns whether it was created."""
    kept = {"task": job.task, "description": job.description, "headers": f'{{"origin": "{MARK}"}}'}
    interval, _ = IntervalSchedule.objects.get_or_create(every=job.every_seconds, period=IntervalSchedule.SECONDS)
    _, created = PeriodicTask.objects.update_or_create(
        name=job.name, defaults=kept, create_defaults={**kept, "interval": interval}
    )
    return created
