"""Campaigns to segments: chosen like groups, frozen with their rules."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.campaigns import services
from core.campaigns.models import Campaign, CampaignGroup, CampaignSegment, CampaignSnapshot
from core.campaigns.preflight import campaign_problems
from core.campaigns.queries import campaign_audience, segments_of
from core.campaigns.states import CampaignStatus
from core.common.tenancy import organization_scope
from core.contacts.models import Contact, Segment
from core.contacts.services import segment_add, segment_change
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message
from tests.support import factories

ANAS = {"all": [{"field": "first_name", "is": "is", "value": "Ana"}]}
ZOES = {"all": [{"field": "first_name", "is": "is", "value": "Zoe"}]}


@pytest.fixture
def people(in_florist: Organization) -> dict[str, Contact]:
    return {name: factories.make_contact(in_florist, first_name=name) for name in ("Ana", "Zoe", "Eva")}


def make_segment(organization: Organization, rule: Any, name: str = "Chosen") -> Segment:
    return segment_add(organization=organization, name=name, rule=rule)


def campaign_to(organization: Organization, *, include: list[Segment], exclude: list[Segment] = []) -> Campaign:  # noqa: B006
    campaign = factories.make_campaign(organization, group=factories.make_group(organization, "Nobody"))
    CampaignGroup.objects.filter(campaign=campaign).delete()
    services.campaign_set_segments(
        campaign=campaign, include_ids=[one.pk for one in include], exclude_ids=[one.pk for one in exclude]
    )
    return campaign


def recipients(campaign: Campaign) -> set[str]:
    return set(Message.objects.filter(campaign=campaign).values_list("contact__first_name", flat=True))


def test_campaign_goes_to_the_segments_and_not_to_those_left_out(
    in_florist: Organization, people: dict[str, Contact]
) -> None:
    everybody = make_segment(in_florist, {"none": [{"field": "first_name", "is": "is", "value": "Eva"}]})
    campaign = campaign_to(in_florist, include=[everybody], exclude=[make_segment(in_florist, ZOES, "Zoes")])
    assert campaign_audience(campaign).sendable == 1
    services.campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    assert recipients(campaign) == {"Ana"}


def test_segment_changed_after_the_start_changes_neither_audience_nor_record(
    in_florist: Organization, people: dict[str, Contact]
) -> None:
    segment = make_segment(in_florist, ANAS)
    campaign = campaign_to(in_florist, include=[segment])
    services.campaign_send_now(campaign_id=campaign.pk)
    services.campaign_begin(campaign_id=campaign.pk)
    segment_change(segment_id=segment.pk, name="Renamed", rule=ZOES)
    materialise_campaign(campaign_id=campaign.pk)
    assert recipients(campaign) == {"Ana"}
    frozen = CampaignSnapshot.objects.get(campaign=campaign).audience["included_segments"]
    assert frozen == [{"id": str(segment.pk), "name": "Chosen", "rule": ANAS}]


def test_hash_of_the_snapshot_covers_the_rule_but_not_the_name(in_florist: Organization) -> None:
    segment = make_segment(in_florist, ANAS)
    campaign = campaign_to(in_florist, include=[segment])

    def frozen_hash() -> str:
        from core.campaigns.snapshot import draft_snapshot

        return draft_snapshot(campaign)[0].content_hash

    before = frozen_hash()
    segment_change(segment_id=segment.pk, name="Renamed", rule=ANAS)
    assert frozen_hash() == before
    segment_change(segment_id=segment.pk, name="Renamed", rule=ZOES)
    assert frozen_hash() != before


def test_campaign_without_groups_and_segments_says_what_to_choose(in_florist: Organization) -> None:
    campaign = campaign_to(in_florist, include=[])
    assert "No group or segment is chosen" in campaign_problems(campaign)[0].message


def test_campaign_to_a_segment_without_people_says_so(in_florist: Organization) -> None:
    campaign = campaign_to(in_florist, include=[make_segment(in_florist, ANAS)])
    assert campaign_problems(campaign)[0].code == "audience_empty"


def test_setting_segments_twice_writes_one_line_of_history(in_florist: Organization) -> None:
    segment = make_segment(in_florist, ANAS)
    campaign = campaign_to(in_florist, include=[segment])
    services.campaign_set_segments(campaign=campaign, include_ids=[segment.pk], exclude_ids=[])
    event = AuditEvent.objects.get(object_id=str(campaign.pk), action="campaign.changed")
    assert event.changes == {"segments": [[], ["Chosen"]]}


def test_duplicate_keeps_the_segments(in_florist: Organization) -> None:
    include, exclude = make_segment(in_florist, ANAS), make_segment(in_florist, ZOES, "Zoes")
    original = campaign_to(in_florist, include=[include], exclude=[exclude])
    copy = services.campaign_duplicate(campaign_id=original.pk)
    assert segments_of(copy) == ([include.pk], [exclude.pk])


def test_segment_of_another_client_is_refused_by_the_database(florist: Organization, museum: Organization) -> None:
    from django.db import IntegrityError, connection

    with organization_scope(florist, museum):
        theirs = make_segment(museum, ANAS)
        campaign = factories.make_campaign(florist)
        with pytest.raises(IntegrityError):
            CampaignSegment.objects.create(organization=florist, campaign=campaign, segment=theirs)
            connection.check_constraints()


# The form


@pytest.fixture
def browser(florist: Organization, member: Any) -> Client:
    browser = Client()
    browser.force_login(member(Role.MANAGER))
    return browser


def form_values(campaign: Campaign, **values: Any) -> dict[str, Any]:
    fields = ("name", "subject", "preheader", "from_name", "from_email", "reply_to", "version")
    return {name: getattr(campaign, name) for name in fields} | {"template": campaign.template_id, **values}


def test_form_saves_and_shows_segments(browser: Client, in_florist: Organization) -> None:
    include, exclude = make_segment(in_florist, ANAS), make_segment(in_florist, ZOES, "Zoes")
    campaign = campaign_to(in_florist, include=[])
    address = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    values = form_values(campaign, include_segments=[include.pk], exclude_segments=[exclude.pk])
    assert browser.post(address, values).status_code == 302
    assert segments_of(campaign) == ([include.pk], [exclude.pk])
    form = browser.get(address).context["adminform"].form
    assert form.initial["include_segments"] == [include.pk]
    assert "segments: Chosen" in browser.get(reverse("admin:campaigns_campaign_changelist")).content.decode()


def test_form_refuses_a_segment_on_both_sides(browser: Client, in_florist: Organization) -> None:
    segment, campaign = make_segment(in_florist, ANAS), campaign_to(in_florist, include=[])
    address = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    both = form_values(campaign, include_segments=[segment.pk], exclude_segments=[segment.pk])
    errors = browser.post(address, both).context["adminform"].form.errors
    assert "chosen above as well" in errors["exclude_segments"][0]


def test_form_refuses_a_segment_of_another_client(
    browser: Client, in_florist: Organization, museum: Organization
) -> None:
    with organization_scope(museum):
        theirs = make_segment(museum, ANAS, "Theirs")
    campaign = campaign_to(in_florist, include=[])
    address = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    response = browser.post(address, form_values(campaign, include_segments=[theirs.pk]))
    assert "include_segments" in response.context["adminform"].form.errors
    assert not CampaignSegment.objects.exists()


def test_live_numbers_follow_the_ticked_segments(
    browser: Client, in_florist: Organization, people: dict[str, Contact]
) -> None:
    include = make_segment(in_florist, {"any": [*ANAS["all"], *ZOES["all"]]})
    exclude = make_segment(in_florist, ZOES, "Zoes")
    query = {
        "client": str(in_florist.pk),
        "include_segment": [str(include.pk)],
        "exclude_segment": [str(exclude.pk)],
    }
    page = browser.get(reverse("admin:campaigns_campaign_audience"), query).content.decode()
    assert "<strong>1</strong> get it" in page


def test_live_numbers_know_no_segment_of_another_client(
    browser: Client, in_florist: Organization, museum: Organization, people: dict[str, Contact]
) -> None:
    with organization_scope(museum):
        theirs = make_segment(museum, ANAS, "Theirs")
    query = {"client": str(in_florist.pk), "include_segment": [str(theirs.pk)]}
    page = browser.get(reverse("admin:campaigns_campaign_audience"), query).content.decode()
    assert "No group or segment is chosen yet" in page


def test_started_campaign_shows_its_segments_read_only(browser: Client, in_florist: Organization) -> None:
    campaign = campaign_to(in_florist, include=[make_segment(in_florist, ANAS)])
    Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.CANCELLED)
    page = browser.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert "Chosen" in page
    assert "Send to segments" in page


def test_campaign_page_that_cannot_count_at_once_asks_for_the_numbers_afterwards(
    florist: Organization, superuser: User, signed_in: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.campaigns.queries.QUICK_SECONDS", 0.001)
    with organization_scope(florist):
        group = factories.make_group(florist, "Readers", [factories.make_contact(florist) for _ in range(500)])
        campaign = factories.make_campaign(florist, group=group)
    page = signed_in(superuser).get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))
    pending = page.context["audience_query"]
    assert "Counting …" in page.content.decode()
    numbers = signed_in(superuser).get(f"{reverse('admin:campaigns_campaign_audience')}?{pending}").content.decode()
    assert "<strong>500</strong> get it" in numbers
