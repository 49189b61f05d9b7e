"""Where the figures of a page lead: the rows behind them, by URL name."""

import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from core.delivery.states import SendState
from core.tracking.choices import EventType


def ledger_url(campaign_id: Any, send_state: SendState | None = None, reason: str = "") -> str:
    """The mails of a campaign, of one state and reason or all."""
    filters = {"campaign__id__exact": campaign_id}
    if send_state:
        filters["send_state__exact"] = send_state.value
    if reason:
        filters["reason__exact"] = reason
    return f"{reverse('admin:delivery_message_changelist')}?{urlencode(filters)}"


def people_url(campaign_id: Any, did: str) -> str:
    """The people of a campaign who did something (core.delivery.admin's filter): accepted, opened, clicked…"""
    if did == "accepted":
        return ledger_url(campaign_id, SendState.ACCEPTED)
    query = urlencode({"campaign": campaign_id, "did": did})
    return f"{reverse('admin:delivery_message_changelist')}?{query}"


def events_url(campaign_id: Any, event_type: EventType, *, link_id: Any = None, **filters: str) -> str:
    """The events of one type that a campaign had. `filters` are those of the list: behind (people, machines),
    device__exact, bounce_class__exact, provider, domain, group, clock, span (core.tracking.admin.event_filters)."""
    query = {"campaign__id__exact": campaign_id, "type__exact": event_type.value}
    if link_id:
        query["link__id__exact"] = link_id
    query |= filters
    return f"{reverse('admin:tracking_analyticsevent_changelist')}?{urlencode(query)}"


def span_url(
    campaign_id: Any, event_type: EventType, since: datetime.datetime, until: datetime.datetime, behind: str = ""
) -> str:
    """The events of a span of time; `until` is no longer in it."""
    span = f"{_moment(since)}_{_moment(until)}"
    return events_url(campaign_id, event_type, **({"behind": behind} if behind else {}), span=span)


def clock_url(campaign_id: Any, event_type: EventType, weekday: int, hour: int, behind: str = "") -> str:
    """The events of one hour of one weekday of the client's clock (0 is Monday), over all weeks."""
    return events_url(campaign_id, event_type, **({"behind": behind} if behind else {}), clock=f"{weekday}-{hour:02d}")


def report_url(campaign_id: Any) -> str:
    return reverse("admin:campaign_report", args=[campaign_id])


def reconcile_url(campaign_id: Any) -> str:
    return reverse("admin:campaign_reconcile", args=[campaign_id])


def share_report_url(campaign_id: Any) -> str:
    """Where a report for the client is put together; "" while there is no such page."""
    try:
        return f"{reverse('admin:report_builder')}?{urlencode({'campaign': campaign_id})}"
    except NoReverseMatch:
        return ""


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")
