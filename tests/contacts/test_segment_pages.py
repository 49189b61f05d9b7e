"""The pages of segments: built, refused with the place, looked at, used; by whoever may."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization
from core.campaigns.models import CampaignSegment
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.models import ContactGroup, ContactGroupMembership, Segment
from core.contacts.tasks import add_segment_to_group
from tests.support import factories

ANAS = {"all": [{"field": "first_name", "is": "is", "value": "Ana"}]}
ADD, LIST = "admin:contacts_segment_add", "admin:contacts_segment_changelist"
PREVIEW = "admin:contacts_segment_preview"


@pytest.fixture
def browser(florist: Organization, member: Any) -> Client:
    browser = Client()
    browser.force_login(member(Role.MANAGER))
    return browser


@pytest.fixture
def segment(in_florist: Organization) -> Segment:
    return services.segment_add(organization=in_florist, name="Anas", rule=ANAS)


def add(browser: Client, rule: Any, name: str = "Anas") -> Any:
    text = rule if isinstance(rule, str) else json.dumps(rule)
    return browser.post(reverse(ADD), {"name": name, "description": "", "rule": text, "_save": "Save"})


def preview(browser: Client, client: Organization, rule: Any) -> Any:
    text = rule if isinstance(rule, str) else json.dumps(rule)
    return browser.post(reverse(PREVIEW), {"client": str(client.pk), "rule": text})


def test_segment_built_on_the_page_is_saved(browser: Client, florist: Organization) -> None:
    assert add(browser, ANAS).status_code == 302
    with organization_scope(florist):
        assert Segment.objects.get().rule == ANAS


def test_rule_with_a_problem_comes_back_with_its_place_and_what_was_built(
    browser: Client, florist: Organization
) -> None:
    unfinished = {"all": [*ANAS["all"], {"field": "email", "is": "is", "value": ""}]}
    response = add(browser, unfinished)
    assert response.status_code == 200
    assert response.context["builder_config"]["problems"] == {"1": "Write what to compare with."}
    assert json.loads(response.context["adminform"].form["rule"].value()) == unfinished
    with organization_scope(florist):
        assert not Segment.objects.exists()


@pytest.mark.parametrize("text", ["", "x", "[" * 100_000, "1" * 10_000, '{"all": []}', "null", "x" * 300_000])
def test_posted_text_that_is_no_rule_is_refused_with_a_sentence(
    browser: Client, florist: Organization, text: str
) -> None:
    assert add(browser, text).status_code == 200
    found = preview(browser, florist, text)
    assert found.status_code == 200
    assert found.json()["problems"]


def test_name_that_is_taken_is_refused_beside_the_field(browser: Client, segment: Segment) -> None:
    response = add(browser, ANAS)
    assert response.context["adminform"].form.errors["name"] == ["A segment with this name exists already."]


def test_list_shows_sentence_and_number(browser: Client, segment: Segment) -> None:
    services.segment_count(segment_id=segment.pk)
    page = browser.get(reverse(LIST)).content.decode()
    assert "People whose first name is “Ana”." in page
    assert "ago" in page


def test_change_page_edits_the_rule_and_names_the_campaigns_that_use_it(
    browser: Client, florist: Organization, segment: Segment
) -> None:
    campaign = factories.make_campaign(florist, name="Spring offer")
    CampaignSegment.objects.create(organization=florist, campaign=campaign, segment=segment)
    address = reverse("admin:contacts_segment_change", args=[segment.pk])
    assert "Spring offer" in browser.get(address).content.decode()
    rule = {"none": ANAS["all"]}
    browser.post(address, {"name": "Others", "description": "x", "rule": json.dumps(rule), "_save": "Save"})
    segment.refresh_from_db()
    assert (segment.name, segment.rule) == ("Others", rule)


def test_segment_that_a_campaign_uses_is_not_deleted_and_the_page_says_why(
    browser: Client, florist: Organization, segment: Segment
) -> None:
    campaign = factories.make_campaign(florist, name="Spring offer")
    CampaignSegment.objects.create(organization=florist, campaign=campaign, segment=segment)
    address = reverse("admin:contacts_segment_delete", args=[segment.pk])
    page = browser.post(address, {"post": "yes"}, follow=True).content.decode()
    assert "“Anas” is used by “Spring offer”. Take it out of these campaigns first." in page
    assert Segment.objects.filter(pk=segment.pk).exists()


def test_preview_counts_and_shows_people(browser: Client, florist: Organization, in_florist: Organization) -> None:
    for name in ("Ana", "ana", "Zoe"):
        factories.make_contact(florist, first_name=name, last_name="Gil")
    found = preview(browser, florist, ANAS).json()
    assert found["count"] == 2
    assert found["sentence"] == "People whose first name is “Ana”."
    assert {person["name"] for person in found["people"]} == {"Ana Gil", "ana Gil"}


def test_preview_of_an_unfinished_rule_says_what_is_missing(browser: Client, florist: Organization) -> None:
    found = preview(browser, florist, {"all": [{"field": "groups", "is": "any_of", "value": []}]}).json()
    assert found == {"problems": {"0": "Choose at least one group."}}


def test_preview_is_no_get(browser: Client, florist: Organization) -> None:
    assert browser.get(reverse(PREVIEW), {"client": str(florist.pk)}).status_code == 400


def test_preview_of_another_client_is_not_there(browser: Client, museum: Organization) -> None:
    assert preview(browser, museum, ANAS).status_code == 404


def test_preview_with_another_clients_campaign_is_refused(
    browser: Client, florist: Organization, museum: Organization
) -> None:
    with organization_scope(museum):
        theirs = factories.make_campaign(museum, name="Secret plans")
    rule = {"all": [{"field": "sent", "is": "did", "campaign": str(theirs.pk)}]}
    response = preview(browser, florist, rule)
    assert response.json() == {"problems": {"0": "This campaign is gone. Choose another one."}}


def test_viewer_reads_the_rule_as_a_sentence_and_saves_nothing(
    florist: Organization, member: Any, segment: Segment
) -> None:
    browser = Client()
    browser.force_login(member(Role.VIEWER))
    address = reverse("admin:contacts_segment_change", args=[segment.pk])
    assert "People whose first name is “Ana”." in browser.get(address).content.decode()
    answer = browser.post(address, {"name": "Mine", "rule": json.dumps(ANAS), "_save": "Save"})
    assert answer.status_code == 403
    assert add(browser, ANAS, "Mine").status_code == 403


def test_show_these_people_leads_to_the_list_of_contacts(browser: Client, segment: Segment) -> None:
    response = browser.get(reverse("admin:contacts_segment_show_people", args=[segment.pk]))
    assert response.url == f"{reverse('admin:contacts_contact_changelist')}?segment={segment.pk}"


def test_people_are_added_to_a_group_by_a_worker(
    browser: Client, florist: Organization, segment: Segment, django_capture_on_commit_callbacks: Any
) -> None:
    contact, group = factories.make_contact(florist, first_name="Ana"), factories.make_group(florist, "VIPs")
    address = reverse("admin:contacts_segment_add_to_group", args=[segment.pk])
    assert "1 person now" in browser.get(address).content.decode()
    with django_capture_on_commit_callbacks() as wakened:
        response = browser.post(address, {"group": str(group.pk)})
    assert response.status_code == 302
    assert len(wakened) == 1
    ids = {"organization_id": str(florist.pk), "segment_id": str(segment.pk), "group_id": str(group.pk)}
    assert add_segment_to_group.apply(kwargs=ids).get() == {"added": 1}
    members = ContactGroupMembership.objects.filter(group=group)
    assert [member.contact_id for member in members] == [contact.pk]


def test_people_are_not_added_to_another_clients_group(browser: Client, museum: Organization, segment: Segment) -> None:
    with organization_scope(museum):
        theirs = factories.make_group(museum, "Theirs")
    address = reverse("admin:contacts_segment_add_to_group", args=[segment.pk])
    response = browser.post(address, {"group": str(theirs.pk)})
    assert response.status_code == 200
    assert "Theirs" not in response.content.decode()
    with organization_scope(museum):
        assert not ContactGroupMembership.objects.exists()
        assert ContactGroup.objects.count() == 1


def test_segment_of_another_client_is_not_there(browser: Client, museum: Organization) -> None:
    with organization_scope(museum):
        theirs = services.segment_add(organization=museum, name="Theirs", rule=ANAS)
    for name in ("show_people", "add_to_group"):
        response = browser.get(reverse(f"admin:contacts_segment_{name}", args=[theirs.pk]))
        assert response.status_code in (403, 404)
