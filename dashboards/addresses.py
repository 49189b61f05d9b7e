"""Where the figures of a page lead: the rows behind them, by URL name."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

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


def events_url(campaign_id: Any, event_type: EventType, *, link_id: Any = None) -> str:
    """The events of one type that a campaign had."""
    filters = {"campaign__id__exact": campaign_id, "type__exact": event_type.value}
    if link_id:
        filters["link__id__exact"] = link_id
    return f"{reverse('admin:tracking_analyticsevent_changelist')}?{urlencode(filters)}"


def report_url(campaign_id: Any) -> str:
    return reverse("admin:campaign_report", args=[campaign_id])


def reconcile_url(campaign_id: Any) -> str:
    return reverse("admin:campaign_reconcile", args=[campaign_id])
