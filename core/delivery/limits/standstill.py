"""Why a campaign does not go out right now, in sentences for its page."""

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.common.tenancy import require
from core.delivery.batches import HELD_UNTIL
from core.delivery.limits import buckets, daily
from core.delivery.limits.buckets import Bucket, Request
from core.delivery.limits.window import Window
from core.delivery.models import AgencyAccount, Connection
from core.domains.models import SendingDomain
from core.domains.queries import domain_of


class Standstill(StrEnum):
    PAUSED = "paused"
    CONNECTION_PAUSED = "connection_paused"
    DOMAIN_STOPPED = "domain_stopped"
    WINDOW = "window"
    DAY = "day"
    WARM_UP = "warm_up"
    THROTTLE = "throttle"
    CLIENT_LIMIT = "client_limit"
    DOMAIN_LIMIT = "domain_limit"
    CONNECTION_LIMIT = "connection_limit"
    ACCOUNT_LIMIT = "account_limit"
    AB_WAIT = "ab_wait"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps mails waiting. `until` is when it ends by itself, as far as that can be told."""

    kind: Standstill
    words: str
    until: datetime.datetime | None = None


# The connection of what is due and whom it comes from (a variant of an A/B test may have a sender of its own), and what
# is waiting for a moment of its own; the index of ready batches answers it.
_WAITING = """
    SELECT (SELECT connection_id FROM delivery_deliverybatch
             WHERE campaign_id = %(campaign)s AND organization_id = %(organization)s AND state = 'ready'
             ORDER BY due_at, number LIMIT 1),
           (SELECT snapshot.from_email
              FROM (SELECT variant FROM delivery_deliverybatch
                     WHERE campaign_id = %(campaign)s AND organization_id = %(organization)s AND state = 'ready'
                     ORDER BY due_at, number LIMIT 1) AS next
              JOIN campaigns_campaignsnapshot AS snapshot
                ON snapshot.campaign_id = %(campaign)s AND snapshot.variant = next.variant
             LIMIT 1),
           (SELECT due_at FROM delivery_deliverybatch
             WHERE campaign_id = %(campaign)s AND organization_id = %(organization)s AND state = 'ready'
               AND due_at < %(held_until)s
             ORDER BY due_at, number LIMIT 1),
           EXISTS (SELECT 1 FROM delivery_deliverybatch
                    WHERE campaign_id = %(campaign)s AND organization_id = %(organization)s AND state = 'ready'
                      AND due_at = %(held_until)s)
"""


def standstill(campaign: Campaign) -> list[Reason]:
    """What keeps the campaign's waiting mails from going out now; empty when nothing does. About ten small queries."""
    if campaign.status == CampaignStatus.PAUSED:
        words = campaign.problem or f"{campaign.get_pause_reason_display()}."
        return [Reason(Standstill.PAUSED, words)]
    if campaign.status not in (CampaignStatus.SENDING, CampaignStatus.SENT):
        return []
    require(campaign.organization_id)
    with connection.cursor() as cursor:
        ids: dict[str, Any] = {
            "campaign": campaign.pk,
            "organization": campaign.organization_id,
            "held_until": HELD_UNTIL,
        }
        cursor.execute(_WAITING, ids)
        connection_id, sender, next_due, waits_for_winner = cursor.fetchone()
    reasons = []
    if waits_for_winner:
        reasons.append(Reason(Standstill.AB_WAIT, "The others wait for the winner of the A/B test."))
    now = timezone.now()
    if next_due is None:
        return reasons
    if next_due > now:
        return [Reason(Standstill.LATER, f"The next people are due {_when(campaign, next_due)}.", next_due), *reasons]
    way_out = Connection.objects.select_related("account").get(pk=connection_id)
    domain = domain_of(campaign.organization_id, sender or campaign.from_email)
    return [
        *_stopped(way_out, domain),
        *_window(campaign, now),
        *_day(campaign, way_out, domain, now),
        *_buckets(campaign, way_out, domain, now),
        *reasons,
    ]


def _stopped(way_out: Connection, domain: SendingDomain | None) -> list[Reason]:
    reasons = []
    if way_out.paused_at is not None:
        words = f"The connection {way_out} is paused: {way_out.problem}"
        reasons.append(Reason(Standstill.CONNECTION_PAUSED, words))
    if domain is not None and domain.paused_at is not None:
        reasons.append(Reason(Standstill.DOMAIN_STOPPED, f"All sending from {domain} was stopped by a person."))
    return reasons


def _window(campaign: Campaign, now: datetime.datetime) -> list[Reason]:
    window = Window(campaign.window_from, campaign.window_until, campaign.window_days)
    opens = window.opens_at(now, _zone(campaign)) if window.is_limited else now
    if opens == now:
        return []
    if opens is None:
        return [Reason(Standstill.WINDOW, "Its sending hours never come: no day of the week is in them.")]
    return [Reason(Standstill.WINDOW, f"Outside its sending hours; it goes on {_when(campaign, opens)}.", opens)]


def _day(campaign: Campaign, way_out: Connection, domain: SendingDomain | None, now: datetime.datetime) -> list[Reason]:
    day = daily.today(campaign.organization_id)
    local = now.astimezone(_zone(campaign))
    midnight = datetime.datetime.combine(local.date() + datetime.timedelta(days=1), datetime.time.min, local.tzinfo)
    reasons = []
    subjects: list[daily.Subject] = [way_out] if domain is None else [way_out, domain]
    for subject in subjects:
        limit = daily.daily_limit(subject, day)
        if limit is None or daily.used(subject, day) < limit:
            continue
        own = subject.mails_per_day if isinstance(subject, Connection) else None
        if own is not None and limit == own:
            words = f"{subject} has sent its {limit:,} mails of today. It goes on tomorrow."
            reasons.append(Reason(Standstill.DAY, words, midnight))
        else:
            step = daily.ramp_step(subject, day) + 1
            words = (
                f"{subject} is warming up: day {step} allows {limit:,} mails, and they are sent. It goes on tomorrow."
            )
            reasons.append(Reason(Standstill.WARM_UP, words, midnight))
    return reasons


def _buckets(
    campaign: Campaign, way_out: Connection, domain: SendingDomain | None, now: datetime.datetime
) -> list[Reason]:
    """Every limit that is out of tokens. Asks Redis for each of them."""
    reasons = []
    for kind, bucket, words in _limits(campaign, way_out, domain):
        answer = buckets.look([Request(max(int(bucket.portion), 1), (bucket,))])
        if answer.place is None:
            next_at = now + datetime.timedelta(seconds=answer.wait)
            reasons.append(Reason(kind, f"{words}; the next mails go out about {_when(campaign, next_at)}.", next_at))
    return reasons


def _limits(
    campaign: Campaign, way_out: Connection, domain: SendingDomain | None
) -> list[tuple[Standstill, Bucket, str]]:
    client: Any = campaign.organization
    account: AgencyAccount | None = way_out.account
    found: list[tuple[Standstill, Bucket, str]] = []

    def hourly(kind: Standstill, key: str, mails: int | None, whose: str) -> None:
        if mails:
            found.append((kind, buckets.per_hour(key, mails), f"Slowed down to {mails:,} an hour by {whose}"))

    def secondly(kind: Standstill, key: str, mails: int | None, whose: str) -> None:
        if mails:
            found.append((kind, buckets.per_second(key, mails), f"Slowed down to {mails:,} a second by {whose}"))

    hourly(Standstill.THROTTLE, f"campaign:{campaign.pk}", campaign.throttle_per_hour, "its throttle")
    hourly(Standstill.CLIENT_LIMIT, f"client:{client.pk}", client.mails_per_hour, f"the limit of {client}")
    if domain is not None:
        hourly(Standstill.DOMAIN_LIMIT, f"domain:{domain.pk}", domain.mails_per_hour, f"the limit of {domain}")
    whose = f"the limit of the connection {way_out}"
    secondly(Standstill.CONNECTION_LIMIT, f"connection:{way_out.pk}", way_out.mails_per_second, whose)
    hourly(Standstill.CONNECTION_LIMIT, f"connection:{way_out.pk}", way_out.mails_per_hour, whose)
    if account is not None:
        whose = "the limit of the agency's account"
        secondly(Standstill.ACCOUNT_LIMIT, f"account:{account.pk}", account.mails_per_second, whose)
        hourly(Standstill.ACCOUNT_LIMIT, f"account:{account.pk}", account.mails_per_hour, whose)
    return found


def _zone(campaign: Campaign) -> ZoneInfo:
    return ZoneInfo(campaign.organization.time_zone)


def _when(campaign: Campaign, moment: datetime.datetime) -> str:
    """The clock on the client's wall, with the day where it is not today."""
    zone = _zone(campaign)
    local, today = moment.astimezone(zone), timezone.now().astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"on {local:%A}, {local.day} {local:%B} at {local:%H:%M}"
