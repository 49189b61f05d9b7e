"""Who came and who left, by days: from contacts, consent and suppressions to counters."""

import datetime
from typing import Any

from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.common.tenancy import organization_scope
from core.contacts.choices import ContactStatus, SuppressionReason
from core.contacts.models import ConsentEvent, Contact, ContactGroupMembership, Suppression
from core.contacts.services import (
    contact_resubscribe,
    contact_unsubscribe,
    contacts_delete,
    contacts_stop,
    group_add_contacts,
    suppression_add,
)
from core.tracking.audience import facts
from core.tracking.audience.choices import Activity, Turn
from core.tracking.audience.services import audience_count, audiences_count
from core.tracking.choices import PeriodLength
from core.tracking.models import (
    AudienceCount,
    AudienceDay,
    AudienceGroup,
    CampaignHour,
    OrganizationWeekday,
)
from core.tracking.queries.audience import list_cohorts, list_days, list_months, list_sources
from core.tracking.queries.periods import Span
from tests.support import factories

TURNS = ("joined", "resubscribed", "unsubscribed", "bounced", "complained", "deleted", "total")
ONE_DAY = datetime.timedelta(days=1)


def person(organization: Organization, *, days_ago: float = 0, **fields: Any) -> Contact:
    """A contact who came so many days ago."""
    contact = factories.make_contact(organization, **fields)
    at = timezone.now() - days_ago * ONE_DAY
    Contact.objects.filter(pk=contact.pk).update(created_at=at)
    contact.refresh_from_db()
    return contact


def left(contact: Contact, *, days_ago: float) -> None:
    contact_unsubscribe(contact_id=contact.pk, source="one-click")
    at = timezone.now() - days_ago * ONE_DAY
    ConsentEvent.objects.filter(contact=contact).update(occurred_at=at)


def counted(organization: Organization, *, days_ago: int = 0) -> dict[str, int]:
    """The figures of a day that are not zero."""
    day = timezone.now().date() - days_ago * ONE_DAY
    row = AudienceDay.objects.values(*TURNS).get(organization=organization, day=day)
    return {name: value for name, value in row.items() if value}


def subscribed() -> int:
    return Contact.objects.filter(status=ContactStatus.SUBSCRIBED, deleted_at=None).count()


def test_recount_of_a_list_gives_every_day_its_arrivals_departures_and_total(in_florist: Organization) -> None:
    gone = person(in_florist, days_ago=3)
    person(in_florist, days_ago=3)
    person(in_florist, days_ago=1)
    left(gone, days_ago=1)
    assert audience_count(organization_id=in_florist.pk)
    assert counted(in_florist, days_ago=3) == {"joined": 2, "total": 2}
    assert counted(in_florist, days_ago=2) == {"total": 2}
    assert counted(in_florist, days_ago=1) == {"joined": 1, "unsubscribed": 1, "total": 2}
    assert counted(in_florist) == {"total": 2}


def test_each_way_of_leaving_is_counted_as_what_it_is(in_florist: Organization) -> None:
    people = [person(in_florist, days_ago=5) for _ in range(5)]
    contacts_stop(contact_ids=[people[0].pk], reason=SuppressionReason.BOUNCED, note="bounce")
    contacts_stop(contact_ids=[people[1].pk], reason=SuppressionReason.COMPLAINED, note="complaint")
    contact_unsubscribe(contact_id=people[2].pk, source="by hand")
    contacts_delete(contact_ids=[people[3].pk])
    audience_count(organization_id=in_florist.pk)
    today = {"bounced": 1, "complained": 1, "unsubscribed": 1, "deleted": 1, "total": 1}
    assert counted(in_florist) == today
    assert subscribed() == 1


def test_somebody_who_left_and_came_back_is_one_departure_and_one_return(in_florist: Organization) -> None:
    contact = person(in_florist, days_ago=9)
    left(contact, days_ago=4)
    contact_resubscribe(contact_id=contact.pk, source="one-click")
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist, days_ago=4) == {"unsubscribed": 1}
    assert counted(in_florist) == {"resubscribed": 1, "total": 1}


def test_consent_given_twice_is_no_return(in_florist: Organization) -> None:
    contact = person(in_florist, days_ago=2)
    for _ in range(2):
        ConsentEvent.objects.create(
            organization=in_florist, contact=contact, change="given", occurred_at=timezone.now() - ONE_DAY
        )
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist, days_ago=1) == {"total": 1}


def test_people_deleted_after_they_unsubscribed_leave_once(in_florist: Organization) -> None:
    contact = person(in_florist, days_ago=8)
    left(contact, days_ago=3)
    contacts_delete(contact_ids=[contact.pk])
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist, days_ago=3) == {"unsubscribed": 1}
    assert counted(in_florist) == {}


def test_people_imported_while_suppressed_never_came(in_florist: Organization) -> None:
    suppression_add(organization=in_florist, email="no@people.example", reason=SuppressionReason.UNSUBSCRIBED)
    Suppression.objects.update(created_at=timezone.now() - 30 * ONE_DAY)
    person(in_florist, email="no@people.example", days_ago=2, status=ContactStatus.UNSUBSCRIBED)
    person(in_florist, days_ago=2)
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist, days_ago=2) == {"joined": 1, "total": 1}


def test_people_who_wait_for_confirmation_are_not_on_the_list(in_florist: Organization) -> None:
    person(in_florist, status=ContactStatus.PENDING)
    person(in_florist)
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist) == {"joined": 1, "total": 1}


def test_second_count_of_a_day_follows_what_changed_since(in_florist: Organization) -> None:
    contact = person(in_florist, days_ago=3)
    audience_count(organization_id=in_florist.pk)
    person(in_florist)
    contact_unsubscribe(contact_id=contact.pk, source="one-click")
    assert not audience_count(organization_id=in_florist.pk)
    assert counted(in_florist) == {"joined": 1, "unsubscribed": 1, "total": 1}
    assert not audience_count(organization_id=in_florist.pk)
    assert counted(in_florist) == {"joined": 1, "unsubscribed": 1, "total": 1}


def test_updates_and_a_recount_of_everybody_end_in_the_same_rows(in_florist: Organization) -> None:
    people = [person(in_florist, days_ago=days) for days in (40, 20, 6, 6)]
    audience_count(organization_id=in_florist.pk)
    contacts_stop(contact_ids=[people[0].pk], reason=SuppressionReason.BOUNCED, note="bounce")
    left(people[1], days_ago=0)
    contacts_delete(contact_ids=[people[2].pk])
    person(in_florist)
    audience_count(organization_id=in_florist.pk)
    updated = list(AudienceDay.objects.order_by("day").values_list("day", *TURNS))
    AudienceCount.objects.update(recounted_on=timezone.now().date() - ONE_DAY)
    assert audience_count(organization_id=in_florist.pk)
    assert list(AudienceDay.objects.order_by("day").values_list("day", *TURNS)) == updated
    assert updated[-1][-1] == subscribed() == 2


def test_days_older_than_the_recount_stay_when_contacts_are_purged(in_florist: Organization) -> None:
    old = person(in_florist, days_ago=200)
    person(in_florist, days_ago=200)
    audience_count(organization_id=in_florist.pk)
    old.delete()
    AudienceCount.objects.update(recounted_on=timezone.now().date() - ONE_DAY)
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist, days_ago=200) == {"joined": 2, "total": 2}
    assert counted(in_florist) == {"total": 1}


def test_days_are_those_of_the_clients_own_clock(in_florist: Organization) -> None:
    in_florist.time_zone = "Pacific/Kiritimati"  # fourteen hours ahead
    in_florist.save()
    noon = datetime.datetime(2026, 5, 10, 12, tzinfo=datetime.UTC)
    contact = factories.make_contact(in_florist)
    Contact.objects.filter(pk=contact.pk).update(created_at=noon)
    audience_count(organization_id=in_florist.pk, now=noon + 3 * ONE_DAY)
    first = AudienceDay.objects.order_by("day").values_list("day", "joined").first()
    assert first == (datetime.date(2026, 5, 11), 1)


def test_big_lists_are_counted_in_slices_to_the_same_sums(in_florist: Organization, monkeypatch: Any) -> None:
    people = [person(in_florist, days_ago=number % 3) for number in range(7)]
    left(people[4], days_ago=0)
    monkeypatch.setattr(facts, "_LAST_OF_SLICE", facts._LAST_OF_SLICE.replace(str(facts.SLICE), "2"))
    assert len(list(facts.slices(in_florist.pk))) == 4
    audience_count(organization_id=in_florist.pk)
    assert counted(in_florist)["total"] == subscribed() == 6


def test_sources_tell_where_people_came_from(in_florist: Organization) -> None:
    for source in ("Form", "Form", "Fair", ""):
        person(in_florist, source=source)
    audience_count(organization_id=in_florist.pk)
    assert AudienceDay.objects.get(joined=4).sources == {"Form": 2, "Fair": 1, "": 1}


def test_cohorts_tell_when_people_were_last_active(in_florist: Organization) -> None:
    now = timezone.now()
    person(in_florist, last_opened_at=now - 3 * ONE_DAY)
    person(in_florist, last_opened_at=now - 300 * ONE_DAY, last_clicked_at=now - 40 * ONE_DAY)
    person(in_florist)
    left(person(in_florist), days_ago=0)
    audience_count(organization_id=in_florist.pk)
    (cohorts,) = list_cohorts().values()
    assert {activity: people for activity, people in cohorts.items() if people} == {
        Activity.MONTH: 1,
        Activity.QUARTER: 1,
        Activity.NEVER: 1,
        Activity.LEFT: 1,
    }


def test_months_and_sources_are_the_sums_of_the_days(in_florist: Organization) -> None:
    today = timezone.now().date()
    for source, days_ago in (("Form", 0), ("Form", 1), ("Fair", 20), ("Fair", 45), ("Shop", 100), ("Shop", 400)):
        person(in_florist, days_ago=days_ago, source=source)
    audience_count(organization_id=in_florist.pk)
    left(person(in_florist, source="Shop"), days_ago=0)
    audience_count(organization_id=in_florist.pk)
    months = list_months(None, today)
    days = list_days(None, today)
    for month in months:
        of_month = [day for day in days if day.day.replace(day=1) == month.day]
        assert month.days == len(of_month)
        assert month.total == of_month[-1].total
        assert month.turns == {turn: sum(day.turns[turn] for day in of_month) for turn in month.turns}
    assert sum(month.days for month in months) == len(days) == 401
    assert [month.day for month in list_months(today - 50 * ONE_DAY, today)] == [
        month.day for month in months if month.day >= (today - 50 * ONE_DAY).replace(day=1)
    ]
    ids = [in_florist.pk]
    assert list_sources(ids, Span(PeriodLength.MONTH, None, today)) == [("Shop", 3), ("Fair", 2), ("Form", 2)]
    for length in (1, 21, 50):
        first = today - length * ONE_DAY
        found = list_sources(ids, Span(PeriodLength.DAY, first, today))
        assert sum(people for _, people in found) == sum(day.of(Turn.JOINED) for day in days if day.day >= first)


def test_groups_begin_with_a_history_and_grow_by_nights(in_florist: Organization) -> None:
    people = [factories.make_contact(in_florist) for _ in range(3)]
    group = factories.make_group(in_florist, "News", people[:2])
    early = timezone.now() - 10 * ONE_DAY
    ContactGroupMembership.objects.filter(contact=people[0]).update(added_at=early)
    audience_count(organization_id=in_florist.pk)
    sizes = AudienceGroup.objects.order_by("day").values_list("members", flat=True)
    assert list(sizes) == [1, 2]
    group_add_contacts(group_id=group.pk, contact_ids=[people[2].pk])
    audience_count(organization_id=in_florist.pk, now=timezone.now() + ONE_DAY)
    audience_count(organization_id=in_florist.pk, now=timezone.now() + 2 * ONE_DAY)
    assert list(sizes.all()) == [1, 2, 3]


def test_week_hours_add_up_the_hours_of_campaigns_on_the_clients_clock(in_florist: Organization) -> None:
    in_florist.time_zone = "Asia/Tokyo"
    in_florist.save()
    campaign: Campaign = factories.make_campaign(in_florist)
    for hour, firsts, verdict in ((20, 2, "human"), (20, 4, "prefetch"), (21, 3, "proxy")):
        CampaignHour.objects.create(
            organization=in_florist,
            campaign=campaign,
            hour=datetime.datetime(2026, 5, 31, hour, tzinfo=datetime.UTC),
            type="opened",
            verdict=verdict,
            total=9,
            firsts=firsts,
        )
    audience_count(organization_id=in_florist.pk)
    (row,) = OrganizationWeekday.objects.all()
    assert (row.month, row.weekday) == (datetime.date(2026, 6, 1), 1)
    assert [row.people, row.machines] == [
        [0] * 5 + [2, 3] + [0] * 17,
        [0] * 5 + [4] + [0] * 18,
    ]


def test_counting_everybody_leaves_clients_apart(florist: Organization, museum: Organization, everywhere: None) -> None:
    person(florist)
    for _ in range(2):
        person(museum)
    audiences_count()
    assert [counted(florist), counted(museum)] == [{"joined": 1, "total": 1}, {"joined": 2, "total": 2}]
    with organization_scope(florist):
        assert AudienceDay.objects.count() == 1
