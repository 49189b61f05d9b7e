"""The one table of periodic jobs. `manage.py sync_schedule` brings django-celery-beat's rows in line with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PeriodicJob:
    """`every_seconds` is the interval of a new row; an interval that a person edited in the admin stays."""

    name: str
    task: str
    every_seconds: int
    description: str


SCHEDULE: tuple[PeriodicJob, ...] = (
    PeriodicJob(
        "Send due campaigns",
        "delivery.sweep",
        5,
        "Starts campaigns that are due, hands out waiting batches, recovers what a dead worker left behind.",
    ),
    PeriodicJob(
        "Roll up events", "tracking.roll_up", 10, "Brings the counters of campaigns with new events up to date."
    ),
    PeriodicJob(
        "Resume imports", "contacts.resume_imports", 30, "Goes on with imports whose worker died or was never told."
    ),
    PeriodicJob(
        "Clear old job results",
        "adminsite.clear_job_results",
        24 * 3600,
        "Removes results of jobs older than three days.",
    ),
)
