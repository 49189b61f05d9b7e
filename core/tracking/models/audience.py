"""Counters of a client's people, filled by core/tracking/audience. Pages read these, never contacts."""

from django.db import models

from core.common.constraints import SameOrganization
from core.common.models import OrganizationOwned, UUIDModel
from core.tracking.audience.choices import Activity


class AudienceDay(UUIDModel, OrganizationOwned):
    """A day of the client's own calendar: who came, who went, and how many were subscribed when it ended.

    One row for every day since the first contact. `total` = the day before's + joined + resubscribed - unsubscribed
    - bounced - complained - deleted. `sources` tells where those who joined came from: {source: people}, the day's
    biggest ones, the rest under "". Days older than services.RECOUNTED_DAYS stay as they were counted: contacts that
    are purged for good do not change history.
    """

    day = models.DateField()
    joined = models.PositiveIntegerField(default=0)
    resubscribed = models.PositiveIntegerField(default=0)
    unsubscribed = models.PositiveIntegerField(default=0)
    bounced = models.PositiveIntegerField(default=0)
    complained = models.PositiveIntegerField(default=0)
    deleted = models.PositiveIntegerField(default=0)
    total = models.IntegerField(default=0)
    sources = models.JSONField(default=dict)

    class Meta(OrganizationOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["organization", "day"], name="tracking_audience_day_once")]

    def __str__(self) -> str:
        return f"{self.day}: {self.total}"


class AudienceCohort(UUIDModel, OrganizationOwned):
    """Of the people who joined in a month (`month` is its first day), how many were last active when; counted anew
    every night. A month's rows add up to everybody who joined in it and is not purged."""

    month = models.DateField()
    activity = models.CharField(max_length=8, choices=Activity)
    people = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["organization", "month", "activity"], name="tracking_cohort_once")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.activity}: {self.people}"


class AudienceGroup(UUIDModel, OrganizationOwned):
    """How many contacts were in a group when a day ended. Only days on which that changed have a row."""

    group = models.ForeignKey(
        "contacts.ContactGroup", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    day = models.DateField()
    members = models.PositiveIntegerField()

    class Meta(OrganizationOwned.Meta):
        constraints = [
            SameOrganization(field="group", name="tracking_audience_group_same_org"),
            models.UniqueConstraint(fields=["organization", "group", "day"], name="tracking_audience_group_once"),
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.day}: {self.members}"


class AudienceCount(OrganizationOwned):
    """How far a client's people are counted: to the minute by changes, and the day of the last recount of everybody."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    counted_at = models.DateTimeField()
    recounted_on = models.DateField()

    def __str__(self) -> str:
        return f"{self.counted_at:%Y-%m-%d %H:%M}"


class OrganizationWeekHour(UUIDModel, OrganizationOwned):
    """Opens and clicks of a month by weekday (1 = Monday) and hour of the client's own clock, over all campaigns; by
    people and by machines, every event and (`_once`) each mail's first one among them.

    Added up from CampaignHour, so in zones off by half an hour half an hour falls into the neighbouring one.
    """

    month = models.DateField()
    weekday = models.PositiveSmallIntegerField()
    hour = models.PositiveSmallIntegerField()
    type = models.CharField(max_length=12)
    people = models.PositiveIntegerField(default=0)
    people_once = models.PositiveIntegerField(default=0)
    machines = models.PositiveIntegerField(default=0)
    machines_once = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "month", "weekday", "hour", "type"], name="tracking_week_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.weekday} {self.hour}h {self.type}: {self.people}"
