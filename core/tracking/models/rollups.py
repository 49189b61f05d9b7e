"""The counters that pages read. Nothing else counts events.

They are written with the events, in the same transaction (core.tracking.rollups); what comes from the ledger and from
the groups is recounted by a job."""

from django.db import models

from core.common.constraints import SameOrganization
from core.common.models import OrganizationOwned, UUIDModel
from core.tracking.choices import EventType, Part, PeriodLength, PeriodPart, Verdict


class CampaignHour(UUIDModel, OrganizationOwned):
    """Rollup: how many events of a type and verdict a campaign had in an hour (UTC), and how many of them were a
    message's first of that type and kind."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="hours", db_constraint=False, db_index=False
    )
    hour = models.DateTimeField()
    type = models.CharField(max_length=12, choices=EventType)
    verdict = models.CharField(max_length=8, choices=Verdict)
    total = models.PositiveIntegerField(default=0)
    firsts = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        ordering = ["campaign", "hour"]
        constraints = [
            SameOrganization(field="campaign", name="tracking_hour_campaign_same_org"),
            models.UniqueConstraint(fields=["campaign", "hour", "type", "verdict"], name="tracking_hour_once"),
        ]
        indexes = [models.Index(fields=["organization", "hour"], name="tracking_hour_organization")]

    def __str__(self) -> str:
        return f"{self.type} {self.hour:%Y-%m-%d %H}h: {self.total}"


class LinkClicks(UUIDModel, OrganizationOwned):
    """Rollup: how often a link of a campaign was followed, and by how many messages' recipients (`firsts`: a message's
    first click on this link by its kind of visitor)."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    link = models.ForeignKey(
        "campaigns.CampaignLink", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    verdict = models.CharField(max_length=8, choices=Verdict)
    total = models.PositiveIntegerField(default=0)
    firsts = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        verbose_name = "clicks of a link"
        verbose_name_plural = "clicks of links"
        constraints = [
            SameOrganization(field="campaign", name="tracking_link_campaign_same_org"),
            SameOrganization(field="link", name="tracking_link_link_same_org"),
            models.UniqueConstraint(fields=["campaign", "link", "verdict"], name="tracking_link_once"),
        ]
        indexes = [models.Index(fields=["organization", "campaign"], name="tracking_link_organization")]

    def __str__(self) -> str:
        return f"{self.link}: {self.total}"


class CampaignPart(UUIDModel, OrganizationOwned):
    """Rollup: a campaign's events of a type and verdict, by one of its dimensions (`part`, `value`), `firsts` as in
    CampaignHour. `part` "all" with value "" is the whole campaign.

    Type "sent" is special: it counts the mails of the ledger that were accepted (`total` = `firsts`, verdict "human").
    `value` by part: provider → the name in mailbox_providers; domain → the recipient's domain; device → Device;
    group → the group's id (of those the campaign was sent to; a person in two groups counts in both);
    bounce → BounceClass. Device has opens and clicks only, bounce has bounces and drops only.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="parts", db_constraint=False, db_index=False
    )
    part = models.CharField(max_length=8, choices=Part)
    value = models.CharField(max_length=255, blank=True)
    type = models.CharField(max_length=12, choices=EventType)
    verdict = models.CharField(max_length=8, choices=Verdict)
    total = models.PositiveIntegerField(default=0)
    firsts = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        constraints = [
            SameOrganization(field="campaign", name="tracking_part_campaign_same_org"),
            models.UniqueConstraint(fields=["campaign", "part", "value", "type", "verdict"], name="tracking_part_once"),
        ]
        indexes = [models.Index(fields=["organization", "part"], name="tracking_part_organization")]

    def __str__(self) -> str:
        return f"{self.part} {self.value} {self.type}: {self.total}"


class OrganizationPeriod(UUIDModel, OrganizationOwned):
    """Rollup over all campaigns of a client: a day, month or year of the client's own calendar (`start` is its first
    day), by one of its dimensions (`part`, `value`). `part` "all" with value "" is everything; sender → the from
    address of the campaign; provider → the name in mailbox_providers. Ranges of up to a few months are told by days,
    longer ones by months; sums over them are taken from as few rows as possible (queries.periods).

    One row holds all that happened: an agency's page reads thousands of them. `sent` are the accepted mails of the
    ledger, by the day of acceptance; the types ONCE count mails, each on the day of its first event by people and
    apart from it of its first by machines; the types APART count like Count, in four columns each (see PERIOD_COUNTS).
    """

    length = models.CharField(max_length=5, choices=PeriodLength)
    start = models.DateField()
    part = models.CharField(max_length=8, choices=PeriodPart)
    value = models.CharField(max_length=320, blank=True)
    sent = models.PositiveIntegerField(default=0)
    delivered = models.PositiveIntegerField(default=0)
    deferred = models.PositiveIntegerField(default=0)
    bounced = models.PositiveIntegerField(default=0)
    complained = models.PositiveIntegerField(default=0)
    opened_people = models.PositiveIntegerField(default=0)
    opened_people_once = models.PositiveIntegerField(default=0)
    opened_machines = models.PositiveIntegerField(default=0)
    opened_machines_once = models.PositiveIntegerField(default=0)
    clicked_people = models.PositiveIntegerField(default=0)
    clicked_people_once = models.PositiveIntegerField(default=0)
    clicked_machines = models.PositiveIntegerField(default=0)
    clicked_machines_once = models.PositiveIntegerField(default=0)
    unsubscribed_people = models.PositiveIntegerField(default=0)
    unsubscribed_people_once = models.PositiveIntegerField(default=0)
    unsubscribed_machines = models.PositiveIntegerField(default=0)
    unsubscribed_machines_once = models.PositiveIntegerField(default=0)

    class Meta(OrganizationOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "length", "part", "start", "value"], name="tracking_period_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.length} {self.start} {self.part} {self.value}"


ONCE = (EventType.DELIVERED, EventType.DEFERRED, EventType.BOUNCED, EventType.COMPLAINED)
APART = (EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED)
PERIOD_COUNTS = {
    EventType.SENT: (EventType.SENT.value,),
    **{kind: (kind.value,) for kind in ONCE},
    **{
        kind: tuple(f"{kind.value}_{name}" for name in ("people", "people_once", "machines", "machines_once"))
        for kind in APART
    },
}
"""The columns of OrganizationPeriod that an event type is counted in: one, or four in the order of Count. Types that no
page tells over time are in none."""


class CampaignRecount(OrganizationOwned):
    """What a campaign's last recount of the ledger and the groups has seen: so many accepted mails and events, on the
    client's clock of then. Where that is not true any more, the next one is due, not before `next_at`."""

    campaign = models.OneToOneField(
        "campaigns.Campaign", on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    accepted = models.BigIntegerField(default=-1)
    events = models.BigIntegerField(default=-1)
    time_zone = models.CharField(max_length=64)
    next_at = models.DateTimeField()

    class Meta(OrganizationOwned.Meta):
        constraints = [SameOrganization(field="campaign", name="tracking_recount_campaign_same_org")]

    def __str__(self) -> str:
        return str(self.campaign_id)


class AcceptedDay(UUIDModel, OrganizationOwned):
    """A campaign's accepted mails by day (of the client's calendar), sender and mailbox provider, as of its last
    recount. The "sent" of OrganizationPeriod is the sum of these."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    day = models.DateField()
    sender = models.CharField(max_length=320, blank=True)
    provider = models.CharField(max_length=40)
    total = models.PositiveIntegerField()

    class Meta(OrganizationOwned.Meta):
        constraints = [
            SameOrganization(field="campaign", name="tracking_accepted_campaign_same_org"),
            models.UniqueConstraint(
                fields=["organization", "campaign", "day", "provider"], name="tracking_accepted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.provider}: {self.total}"
