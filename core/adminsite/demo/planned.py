"""What the demo's florist has planned: a campaign for next week by recipients' clocks, and a draft with doubts."""

import datetime

from django.utils import timezone

from core.accounts.models import Organization
from core.adminsite.demo.history import Sender, new_campaign
from core.adminsite.demo.stories import ClientStory
from core.campaigns import services as campaigns
from core.campaigns.models import Campaign
from core.campaigns.states import ScheduleZone
from core.contacts.models import Contact

_ZONES = ("Europe/Madrid", "Europe/Lisbon", "America/Mexico_City", "America/Argentina/Buenos_Aires")
_PLANNED, _DOUBTFUL = "December calendar", "Last orders before Christmas"


def story_settings(organization: Organization, story: ClientStory) -> None:
    """The client's own sites and words, and the patterns of its campaigns; what somebody set stays."""
    Organization.objects.filter(pk=organization.pk, web_hosts=[]).update(
        web_hosts=[f"{story.slug}.example"],
        watch_words=[story.name],
        campaign_name_pattern="{template} {year}-{month}",
        utm_source="newsletter",
        utm_medium="email",
        utm_campaign="{campaign}",
    )


def story_plans(sender: Sender) -> None:
    """Once: readers in several time zones, the planned campaign and the doubtful draft."""
    if not Campaign.objects.filter(name=_PLANNED).exists():
        _spread_readers()
        planned = new_campaign(sender, name=_PLANNED, subject="Twenty-four small bouquets", starter="newsletter")
        campaigns.campaign_schedule(campaign_id=planned.pk, version=None, at=_next_week(), zone=ScheduleZone.RECIPIENT)
    if not Campaign.objects.filter(name=_DOUBTFUL).exists():
        doubtful = new_campaign(sender, name=_DOUBTFUL, subject="RE: LAST CHANCE, act now!!!", starter="promotion")
        Campaign.objects.filter(pk=doubtful.pk).update(
            window_from=datetime.time(9),
            window_until=datetime.time(18),
            window_days=[0, 1, 2, 3, 4],
            throttle_per_hour=200,
        )


def _spread_readers() -> None:
    ids = list(Contact.objects.order_by("id").values_list("pk", flat=True))
    for number, name in enumerate(_ZONES):
        Contact.objects.filter(pk__in=ids[number :: len(_ZONES) + 1]).update(time_zone=name)


def _next_week() -> datetime.datetime:
    """Nine o'clock on Tuesday of next week."""
    today = timezone.localdate()
    tuesday = today + datetime.timedelta(days=(1 - today.weekday()) % 7 + 7)
    return datetime.datetime.combine(tuesday, datetime.time(9))
