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
        "Roll up events", "tracking.roll_up", 10, "Recounts sent mails and groups of campaigns that have moved."
    ),
    PeriodicJob(
        "Read reports of mail providers",
        "tracking.read_posts",
        10,
        "Turns what mail providers reported into events, and settles mails in doubt by them.",
    ),
    PeriodicJob(
        "Read opens and clicks", "tracking.read_hits", 3, "Turns opens and clicks that wait in Redis into events."
    ),
    PeriodicJob(
        "Remember links",
        "tracking.remember_links",
        30,
        "Keeps the links of running campaigns where clicks find them even while the database is away.",
    ),
    PeriodicJob(
        "Count audiences",
        "tracking.count_audiences",
        900,
        "Counts who came to and who left each client's list; once a day everybody anew, with how alive the list is.",
    ),
    PeriodicJob(
        "Go on with verdict checks",
        "tracking.rejudge",
        60,
        "Wakes the derivation of past verdicts whose worker died on the way. See Verdict checks.",
    ),
    PeriodicJob(
        "Tend the months of events",
        "tracking.tend_months",
        6 * 3600,
        "Makes room for the events of the coming months, and lets go of those older than EVENT_KEEP_MONTHS.",
    ),
    PeriodicJob("Forget old reports", "tracking.prune", 6 * 3600, "Removes posts of mail providers and old replies."),
    PeriodicJob(
        "Send signup confirmations",
        "delivery.find_confirmations",
        15,
        "Sends the confirmation mails of signup forms, and tries those again that a server refused for now.",
    ),
    PeriodicJob(
        "Go on with rehearsals",
        "delivery.find_rehearsals",
        60,
        "Wakes rehearsals of campaigns whose worker died on the way.",
    ),
    PeriodicJob(
        "Send links for approval",
        "delivery.find_approval_mails",
        30,
        "Mails clients the links by which they approve campaigns, and tries again what a server refused for now.",
    ),
    PeriodicJob(
        "Look after approvals",
        "campaigns.check_approvals",
        60,
        "Ends approvals of what was edited since, lets unanswered links run out, and reminds approvers after two days.",
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
        "Send planned reports",
        "reports.send_due",
        60,
        "Makes reports of clients that are due and mails them, tries again what a server refused for now, drops files.",
    ),
    PeriodicJob(
        "Check sending domains",
        "domains.check_domains",
        900,
        "Looks at the DNS of every sending domain that was not looked at for six hours.",
    ),
    PeriodicJob(
        "Check the ledgers",
        "delivery.check_ledger",
        600,
        "Once a day looks whether every mail of every campaign is accounted for. See Ledger checks.",
    ),
    PeriodicJob(
        "Clear old job results",
        "adminsite.clear_job_results",
        24 * 3600,
        "Removes results of jobs older than three days.",
    ),
)
