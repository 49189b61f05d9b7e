"""Saved segments: written, counted, put into groups, and as a filter of lists."""

import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import CampaignSegment
from core.common.tenancy import OrganizationMismatch, organization_scope
from core.contacts import services
from core.contacts.errors import BadRule, SegmentExists, TookTooLong
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership, Segment
from core.contacts.segments import segment_sentences
from core.contacts.segments.builder import READY_MADE
from core.contacts.segments.people import people_count, people_sample, segment_filter, time_limit
from tests.support import factories

ANAS = {"all": [{"field": "first_name", "is": "is", "value": "Ana"}]}
ZOES = {"all": [{"field": "first_name", "is": "is", "value": "Zoe"}]}


def make_segment(organization: Organization, name: str = "Anas", rule: Any = None) -> Segment:
    return services.segment_add(organization=organization, name=name, rule=rule or ANAS)


def test_segment_add_keeps_the_rule_and_writes_the_sentence_into_the_history(in_florist: Organization) -> None:
    segment = make_segment(in_florist)
    assert Segment.objects.get(pk=segment.pk).rule == ANAS
    event = AuditEvent.objects.get(object_id=str(segment.pk))
    assert event.action == "segment.added"
    assert event.changes["rule"] == [None, "People whose first name is “Ana”."]


def test_segment_add_under_a_taken_name_is_refused(in_florist: Organization) -> None:
    make_segment(in_florist)
    with pytest.raises(SegmentExists, match="“Anas” already"):
        make_segment(in_florist)
    assert Segment.objects.count() == 1


def test_segment_add_with_a_rule_that_is_none_saves_nothing(in_florist: Organization) -> None:
    with pytest.raises(BadRule):
        make_segment(in_florist, rule={"all": []})
    assert not Segment.objects.exists()


def test_segment_add_with_another_clients_group_is_refused(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        theirs = factories.make_group(museum)
    with organization_scope(florist), pytest.raises(BadRule, match="gone"):
        make_segment(florist, rule={"all": [{"field": "groups", "is": "any_of", "value": [str(theirs.pk)]}]})


def test_segment_change_writes_what_changed_and_forgets_the_number(in_florist: Organization) -> None:
    segment = make_segment(in_florist)
    services.segment_count(segment_id=segment.pk)
    services.segment_change(segment_id=segment.pk, name="Zoes", rule=ZOES)
    segment.refresh_from_db()
    assert (segment.name, segment.rule, segment.counted) == ("Zoes", ZOES, None)
    event = AuditEvent.objects.get(action="segment.changed")
    assert event.changes["rule"] == ["People whose first name is “Ana”.", "People whose first name is “Zoe”."]


def test_segment_change_to_the_same_writes_nothing(in_florist: Organization) -> None:
    segment = make_segment(in_florist)
    services.segment_change(segment_id=segment.pk, name="Anas", rule=ANAS)
    assert not AuditEvent.objects.filter(action="segment.changed").exists()


def test_segment_change_to_a_taken_name_is_refused(in_florist: Organization) -> None:
    make_segment(in_florist)
    other = make_segment(in_florist, "Zoes", ZOES)
    with pytest.raises(SegmentExists):
        services.segment_change(segment_id=other.pk, name="Anas", rule=ZOES)


def test_segment_count_keeps_the_number_and_when(in_florist: Organization) -> None:
    factories.make_contact(in_florist, first_name="ANA")
    factories.make_contact(in_florist, first_name="Ana", deleted_at=timezone.now())
    segment = make_segment(in_florist)
    assert services.segment_count(segment_id=segment.pk) == 1
    segment.refresh_from_db()
    assert segment.counted == 1
    assert timezone.now() - segment.counted_at < datetime.timedelta(minutes=1)


def test_segment_add_to_group_adds_everybody_once(in_florist: Organization) -> None:
    first, second = (factories.make_contact(in_florist, first_name="Ana") for _ in range(2))
    factories.make_contact(in_florist, first_name="Zoe")
    gone = factories.make_contact(in_florist, first_name="Ana", deleted_at=timezone.now())
    group, segment = factories.make_group(in_florist, contacts=[first]), make_segment(in_florist)
    assert services.segment_add_to_group(segment_id=segment.pk, group_id=group.pk) == 1
    assert services.segment_add_to_group(segment_id=segment.pk, group_id=group.pk) == 0
    members = set(ContactGroupMembership.objects.filter(group=group).values_list("contact_id", flat=True))
    assert members == {first.pk, second.pk}
    assert gone.pk not in members


def test_segment_add_to_group_of_another_client_does_nothing(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        theirs = factories.make_group(museum)
    with organization_scope(florist, museum):
        segment = make_segment(florist)
        with pytest.raises(ContactGroup.DoesNotExist):
            services.segment_add_to_group(segment_id=segment.pk, group_id=theirs.pk)


def test_segment_of_another_client_cannot_be_reached(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        theirs = make_segment(museum)
    with organization_scope(florist):
        for call in (
            lambda: services.segment_change(segment_id=theirs.pk, name="Ours", rule=ANAS),
            lambda: services.segment_count(segment_id=theirs.pk),
        ):
            with pytest.raises(Segment.DoesNotExist):
                call()


def test_segment_of_a_campaign_cannot_be_deleted(in_florist: Organization) -> None:
    segment, campaign = make_segment(in_florist), factories.make_campaign(in_florist)
    CampaignSegment.objects.create(organization=in_florist, campaign=campaign, segment=segment)
    with pytest.raises(ProtectedError):
        segment.delete()


# As a filter of lists


def test_segment_filter_narrows_any_queryset_of_contacts(in_florist: Organization) -> None:
    ana, zoe = (factories.make_contact(in_florist, first_name=name) for name in ("Ana", "Zoe"))
    campaign = factories.make_campaign(in_florist, group=factories.make_group(in_florist, contacts=[ana, zoe]))
    segment = make_segment(
        in_florist, rule={"all": [*ANAS["all"], {"field": "sent", "is": "did_not", "campaign": str(campaign.pk)}]}
    )
    found = segment_filter(Contact.objects.order_by("-pk"), segment)
    assert list(found) == [ana]
    assert found.count() == 1
    assert found.filter(pk=zoe.pk).exists() is False
    # As a part of another statement, where Django gives the table another name.
    assert list(Contact.objects.filter(pk__in=found.values("pk"))) == [ana]
    assert list(Contact.objects.exclude(pk__in=found.values("pk"))) == [zoe]


def test_segment_filter_keeps_other_clients_out(florist: Organization, museum: Organization) -> None:
    with organization_scope(florist, museum):
        ours, _theirs = (factories.make_contact(client, first_name="Ana") for client in (florist, museum))
        assert list(segment_filter(Contact.objects.all(), make_segment(florist))) == [ours]


def test_segment_filter_outside_the_scope_is_refused(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        theirs = make_segment(museum)
    with organization_scope(florist), pytest.raises(OrganizationMismatch):
        list(segment_filter(Contact.objects.all(), theirs))


# Numbers


def test_people_sample_shows_the_newest(in_florist: Organization) -> None:
    made = [factories.make_contact(in_florist, first_name="Ana") for _ in range(12)]
    newest = list(reversed(made))[:10]
    for count in (12, None, 1_000_000):
        assert people_sample(in_florist.pk, ANAS, count=count) == newest
    assert people_sample(in_florist.pk, ANAS, count=0) == []


def test_number_that_takes_too_long_is_refused_and_leaves_the_connection_as_it_was(in_florist: Organization) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('work_mem')")
        before = cursor.fetchone()
        with pytest.raises(TookTooLong, match=r"longer than 0\.05 seconds"), time_limit(0.05):
            cursor.execute("SELECT pg_sleep(5)")
        people_count(in_florist.pk, ANAS)
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('work_mem')")
        assert cursor.fetchone() == before


def test_ready_made_rules_can_be_saved(in_florist: Organization) -> None:
    for start in READY_MADE:
        segment = make_segment(in_florist, start["name"], start["rule"])
        assert services.segment_count(segment_id=segment.pk) == 0


def test_sentences_of_many_segments_take_as_many_queries_as_of_one(
    in_florist: Organization, django_assert_num_queries: Any
) -> None:
    groups = [factories.make_group(in_florist, f"Group {number}") for number in range(4)]
    segments = [
        make_segment(in_florist, f"S{number}", {"all": [{"field": "groups", "is": "any_of", "value": [str(group.pk)]}]})
        for number, group in enumerate(groups)
    ]
    with django_assert_num_queries(1):
        words = segment_sentences(segments)
    assert words[segments[3].pk] == "People who are in the group “Group 3”."


def test_sentence_of_a_rule_nobody_can_read_says_so(in_florist: Organization) -> None:
    segment = Segment.objects.create(organization=in_florist, name="Old", rule={"all": [{"field": "shoe_size"}]})
    assert "cannot be read any more" in segment_sentences([segment])[segment.pk]
