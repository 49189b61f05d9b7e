"""What a segment of a report's chart stands for, as filters of the list of events.

Nothing of it is counted: a campaign may have millions of events, and the report knows the number already.
"""

import datetime
import re
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from core.campaigns.models import Campaign
from core.contacts.models import ContactGroup, ContactGroupMembership
from core.tracking.choices import PEOPLE, EventType
from core.tracking.mailbox_providers import OTHER, PROVIDER_BY_DOMAIN
from core.tracking.models import CampaignHour

_DOMAIN = re.compile(r"[^@\s\x00/]{1,253}")
_CLOCK = re.compile(r"([0-6])-([01]\d|2[0-3])")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SPAN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\dZ)_(\d{4}-\d\d-\d\dT\d\d:\d\dZ)")


class _UncountedFilter(DropdownFilter):
    is_counted = False


class BehindFilter(_UncountedFilter):
    title = "who"
    parameter_name = "behind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("people", "People"), ("machines", "Machines")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        people = [verdict.value for verdict in PEOPLE]
        if self.value() == "people":
            return queryset.filter(verdict__in=people)
        return queryset.exclude(verdict__in=people) if self.value() == "machines" else queryset


class ProviderFilter(_UncountedFilter):
    """By the domain of the contact's address."""

    title = "mailbox provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in (*dict.fromkeys(PROVIDER_BY_DOMAIN.values()), OTHER)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == OTHER:
            return queryset.exclude(_at(PROVIDER_BY_DOMAIN))
        domains = [domain for domain, provider in PROVIDER_BY_DOMAIN.items() if provider == self.value()]
        return queryset.filter(_at(domains)) if domains else queryset


class DomainFilter(_UncountedFilter):
    """Only where an address names a domain: there are too many to offer."""

    title = "recipient's domain"
    parameter_name = "domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        domain = request.GET.get(self.parameter_name, "")
        return [(domain, domain)] if _DOMAIN.fullmatch(domain) else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        domain = str(self.value() or "")
        return queryset.filter(_at([domain.casefold()])) if _DOMAIN.fullmatch(domain) else queryset


class GroupFilter(_UncountedFilter):
    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        group_id = _uuid(request.GET.get(self.parameter_name))
        if group_id is None:
            return []
        return [(str(pk), name) for pk, name in ContactGroup.objects.filter(pk=group_id).values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        group_id = _uuid(self.value())
        members = ContactGroupMembership.objects.filter(group_id=group_id).values("contact_id")
        return queryset.filter(contact_id__in=members) if group_id else queryset


_MOST_HOURS = 30


class ClockFilter(_UncountedFilter):
    """An hour of a weekday of the client's clock, such as 3-09: Thursdays from nine to ten."""

    title = "hour of the week"
    parameter_name = "clock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = _CLOCK.fullmatch(request.GET.get(self.parameter_name, ""))
        return [(found[0], f"{_WEEKDAYS[int(found[1])]}, {found[2]}:00 to {found[2]}:59")] if found else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        found = _CLOCK.fullmatch(str(self.value() or ""))
        if found is None:
            return queryset
        zone, day, hour = _zone_of_campaign(request), int(found[1]) + 1, int(found[2])
        clock = _by_clock(queryset.filter(_hours_with_any(request, zone, day, hour)), "occurred_at", zone)
        return clock.filter(clock_day=day, clock_hour=hour)


class SpanFilter(_UncountedFilter):
    """From one moment (included) to another, in UTC: 2026-05-04T10:00Z_2026-05-04T11:00Z."""

    title = "time"
    parameter_name = "span"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        span = _span(request.GET.get(self.parameter_name, ""))
        if span is None:
            return []
        since, until = (timezone.localtime(moment) for moment in span)
        return [(request.GET[self.parameter_name], f"{since:%d %b %Y %H:%M} to {until:%d %b %Y %H:%M}")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        span = _span(str(self.value() or ""))
        return queryset.filter(occurred_at__gte=span[0], occurred_at__lt=span[1]) if span else queryset


def _by_clock(rows: QuerySet[Any], moment: Any, zone: datetime.tzinfo) -> QuerySet[Any]:
    return rows.annotate(clock_day=ExtractIsoWeekDay(moment, tzinfo=zone), clock_hour=ExtractHour(moment, tzinfo=zone))


def _hours_with_any(request: HttpRequest, zone: datetime.tzinfo, day: int, hour: int) -> Q:
    """The hours in which the campaign's counters know of such events: a few, so that not all events are looked at. With
    many, or without a campaign, everything."""
    campaign_id, event_type = _uuid(request.GET.get("campaign__id__exact")), request.GET.get("type__exact")
    if campaign_id is None or event_type not in (EventType.OPENED, EventType.CLICKED):
        return Q()
    counted = CampaignHour.objects.filter(campaign_id=campaign_id, type=event_type)
    # An hour of UTC begins in one hour of a clock and, where that is off by half an hour, ends in the next.
    ends = ExpressionWrapper(F("hour") + datetime.timedelta(minutes=59), DateTimeField())
    found: set[datetime.datetime] = set()
    for moment in ("hour", ends):
        rows = _by_clock(counted, moment, zone).filter(clock_day=day, clock_hour=hour).order_by()
        found |= set(rows.values_list("hour", flat=True).distinct()[: _MOST_HOURS + 1])
    if len(found) > _MOST_HOURS:
        return Q()
    spans = [Q(occurred_at__gte=start, occurred_at__lt=start + datetime.timedelta(hours=1)) for start in sorted(found)]
    return reduce(or_, spans, Q(pk__in=[]))


def _at(domains: Any) -> Q:
    pattern = "|".join(re.escape(domain) for domain in domains)
    return Q(contact__email_key__regex=f"@({pattern})$")


def _zone_of_campaign(request: HttpRequest) -> datetime.tzinfo:
    """The client's zone, as the report that led here; without a campaign the reader's."""
    campaign_id = _uuid(request.GET.get("campaign__id__exact"))
    if campaign_id is None:
        return timezone.get_current_timezone()
    name = Campaign.objects.filter(pk=campaign_id).values_list("organization__time_zone", flat=True).first()
    return ZoneInfo(name) if name else timezone.get_current_timezone()


def _span(text: str) -> tuple[datetime.datetime, datetime.datetime] | None:
    found = _SPAN.fullmatch(text)
    try:
        span = (datetime.datetime.fromisoformat(found[1]), datetime.datetime.fromisoformat(found[2])) if found else None
    except ValueError:
        return None
    # Every clock of the world can show these.
    return span if span and all(1 < moment.year < datetime.MAXYEAR for moment in span) else None


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
