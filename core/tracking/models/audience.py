"""Counters of a client's people, filled by core/tracking/audience. Pages read these, never contacts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.common.constraints import SameOrganization
from core.common.models import OrganizationOwned, UUIDModel


class AudienceSums(UUIDModel, OrganizationOwned):
    """Who came and who went, by Turn, how many were subscribed in the end, and where those who joined came from."""

    joined = models.PositiveIntegerField(default=0)
    resubscribed = models.PositiveIntegerField(default=0)
    unsubscribed = models.PositiveIntegerField(default=0)
    bounced = models.PositiveIntegerField(default=0)
    complained = models.PositiveIntegerField(default=0)
    deleted = models.PositiveIntegerField(default=0)
    total = models.IntegerField(default=0)
    sources = models.JSONField(default=dict)

    class Meta(OrganizationOwned.Meta):
        abstract = True


class AudienceDay(AudienceSums):
    """A day of the client's own calendar: who came, who went, and how many were subscribed when it ended.

    One row for every day since the first contact. `total` = the day before's + joined + resubscribed - unsubscribed
    - bounced - complained - deleted. `sources` tells where those who joined came from: {source: people}, the day's
    biggest ones, the rest under "". Days older than services.RECOUNTED_DAYS stay as they were counted: contacts that
    are purged for good do not change history.
    """

    day = models.DateField()

    class Meta(OrganizationOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["organization", "day"], name="tracking_audience_day_once")]

    def __str__(self) -> str:
        return f"{self.day}: {self.total}"


class AudienceMonth(AudienceSums):
    """A month of AudienceDay: the sums of its `days`, and how many were subscribed when the last of them ended."""

    month = models.DateField()
    days = models.PositiveSmallIntegerField()

    class Meta(OrganizationOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["organization", "month"], name="tracking_audience_month_once")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.total}"


class AudienceCohort(UUIDModel, OrganizationOwned):
    """Of the people who joined in a month (`joined_in` is its first day), how many were last active when: a column for
    each Activity; counted anew every night. They add up to everybody who joined in it and is not purged."""

    joined_in = models.DateField()
    month = models.PositiveIntegerField(default=0)
    quarter = models.PositiveIntegerField(default=0)
    year = models.PositiveIntegerField(default=0)
    longer = models.PositiveIntegerField(default=0)
    never = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["organization", "joined_in"], name="tracking_cohort_once")]

    def __str__(self) -> str:
        return f"{self.joined_in:%Y-%m}"


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


class OrganizationWeekday(UUIDModel, OrganizationOwned):
    """First opens of a month on a weekday (1 = Monday) by the hours of the client's own clock, 24 each, over all
    campaigns; by people and by machines.

    Added up from CampaignHour, so in zones off by half an hour half an hour falls into the neighbouring one.
    """

    month = models.DateField()
    weekday = models.PositiveSmallIntegerField()
    people = ArrayField(models.IntegerField())
    machines = ArrayField(models.IntegerField())

    class Meta(OrganizationOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["organization", "month", "weekday"], name="tracking_weekday_once")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.weekday}: {sum(self.people)}"
