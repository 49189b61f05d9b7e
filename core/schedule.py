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
        "Send signup confirmations",
        "delivery.find_confirmations",
        15,
        "Sends the confirmation mails of signup forms, and tries those again that a server refused for now.",
    ),
    PeriodicJob(
        "Resume imports", "contacts.resume_imports", 30, "Goes on with imports whose worker died or was never told."
    ),
    PeriodicJob(
        "Resume do-not-mail lists",
        "contacts.resume_suppression_lists",
        60,
        "Adds confirmed do-not-mail lists whose worker died or was never told.",
    ),
    PeriodicJob(
        "Make imports searchable",
        "contacts.index_imported_chunks",
        15,
        "Takes the contacts of finished pieces of imports into the search.",
    ),
    PeriodicJob(
        "Resume bulk changes",
        "contacts.resume_bulk_changes",
        30,
        "Goes on with changes of many contacts whose worker died or was never told.",
    ),
    PeriodicJob(
        "Let go of old data",
        "contacts.let_go",
        600,
        "Purges contacts 90 days after their deletion, old undo records, refused rows and forgotten uploads.",
    ),
    PeriodicJob(
        "Tidy up exports",
        "exports.tidy_up",
        300,
        "Removes exported files whose time is over, and goes on with exports whose worker died.",
    ),
    PeriodicJob(
        "Check sending domains",
        "domains.check_domains",
        900,
        "Looks at the DNS of every sending domain that was not looked at for six hours.",
    ),
    PeriodicJob(
        "Clear old job results",
        "adminsite.clear_job_results",
        24 * 3600,
        "Removes results of jobs older than three days.",
    ),
)
