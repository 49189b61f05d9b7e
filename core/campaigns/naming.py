"""The client's patterns: how campaigns are called, and what their links carry.

A pattern is text with {client}, {year}, {month}, {day}, {week}, {template} and {campaign}; other braces stay as they
are. Dates are those of the client's own clock.
"""

import datetime
import re
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.utm import UtmTags

LONGEST_NAME = 120
_LONGEST_VALUE = 100
PLACEHOLDERS = ("client", "year", "month", "day", "week", "template", "campaign")
_PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}", re.IGNORECASE)


def filled(
    pattern: str, organization: Organization, at: datetime.datetime, *, template: str | None = None, campaign: str = ""
) -> str:
    """The pattern with its placeholders filled in; `template` None leaves {template} for later. The week is that of
    ISO 8601."""
    local = at.astimezone(ZoneInfo(organization.time_zone))
    values = {
        "client": organization.name,
        "year": f"{local:%Y}",
        "month": f"{local:%m}",
        "day": f"{local:%d}",
        "week": f"{local:%V}",
        "campaign": campaign,
    }
    if template is not None:
        values["template"] = template
    # One pass: what a value holds in braces is never filled in again.
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1).lower(), match.group()), pattern).strip()


def new_name(organization: Organization) -> str:
    """What a new campaign of this client is called before a template is chosen; "" without a pattern."""
    return filled(organization.campaign_name_pattern, organization, timezone.now())[:LONGEST_NAME]


def utm_tags(campaign: Campaign) -> UtmTags:
    """What the links of this campaign get: the client's patterns, the campaign's own name of itself before the
    client's. Dates are those of the day it was made: they must not change after somebody approved it."""
    client, at = campaign.organization, campaign.created_at or timezone.now()
    patterns = {
        "utm_source": client.utm_source,
        "utm_medium": client.utm_medium,
        "utm_campaign": campaign.utm_campaign or client.utm_campaign,
    }
    values = {
        name: filled(pattern, client, at, template=campaign.template.name, campaign=campaign.name)[:_LONGEST_VALUE]
        for name, pattern in patterns.items()
        if pattern
    }
    return UtmTags(values, tuple(client.web_hosts))
