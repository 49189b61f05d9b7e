"""The pages before sending: schedule, checks, hints, copies to other clients, and the form's own rules."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns import services
from core.campaigns.models import Campaign
from core.campaigns.queries import audience_of
from core.campaigns.states import CampaignStatus, ScheduleZone
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.choices import ContactStatus
from core.email_templates.models import EmailTemplate
from tests.support import factories

LIST = "/admin/campaigns/campaign/"


@pytest.fixture
def browser(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.MANAGER))


def page(campaign: Campaign, action: str) -> str:
    return f"{LIST}{campaign.pk}/{action}/"


def in_days(days: int) -> str:
    return (timezone.now() + datetime.timedelta(days=days)).date().isoformat()


def wanted(**changes: Any) -> dict[str, Any]:
    return {"_version": "0", "day": in_days(10), "time": "09:00", "zone": "client", **changes}


def test_schedule_shows_the_numbers_and_changes_nothing(in_florist: Organization, browser: Client) -> None:
    campaign = factories.make_campaign(in_florist)

    content = browser.get(page(campaign, "schedule")).content.decode()

    assert "1 person of Florist will get “Spring offer”" in content
    assert "The client's clock" in content and "UTC" in content
    assert Campaign.objects.get().status == CampaignStatus.DRAFT


def test_schedule_posted_plans_it_and_the_page_says_when(in_florist: Organization, browser: Client) -> None:
    campaign = factories.make_campaign(in_florist)

    answer = browser.post(page(campaign, "schedule"), wanted(), follow=True).content.decode()

    assert "is scheduled. Goes out" in answer and "09:00 UTC, in" in answer
    assert "Take it back to draft to change it." in answer
    assert Campaign.objects.get().status == CampaignStatus.SCHEDULED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"day": ""}, "This field is required"),
        ({"time": "noon"}, "Enter a valid time"),
        ({"zone": "moon"}, "Select a valid choice"),
        ({"day": "2020-01-01"}, "has passed"),
        ({"day": in_days(500)}, "more than a year ahead"),
        ({"_version": "7"}, "changed by somebody else"),
    ],
)
def test_schedule_of_nonsense_is_a_sentence(
    in_florist: Organization, browser: Client, changes: dict[str, Any], words: str
) -> None:
    campaign = factories.make_campaign(in_florist)

    answer = browser.post(page(campaign, "schedule"), wanted(**changes), follow=True)

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Campaign.objects.get().status == CampaignStatus.DRAFT


def test_schedule_of_a_time_that_clocks_show_twice_tells_and_asks_again(
    in_florist: Organization, browser: Client
) -> None:
    in_florist.time_zone = "Europe/Berlin"
    in_florist.save()
    campaign = factories.make_campaign(in_florist)
    year = timezone.now().year + (timezone.now().month > 10)
    last_sunday = max(day for n in range(25, 32) if (day := datetime.date(year, 10, n)).weekday() == 6)
    posted = wanted(day=last_sunday.isoformat(), time="02:30")

    asked = browser.post(page(campaign, "schedule"), posted).content.decode()
    assert "show 02:30 twice" in asked
    assert Campaign.objects.get().status == CampaignStatus.DRAFT
    browser.post(page(campaign, "schedule"), {**posted, "_noted": f"{last_sunday}T02:30:00 client"})

    assert Campaign.objects.get().status == CampaignStatus.SCHEDULED


def test_schedule_with_a_stop_has_no_button(in_florist: Organization, browser: Client) -> None:
    in_florist.postal_address = ""
    in_florist.save()
    campaign = factories.make_campaign(in_florist)

    content = browser.get(page(campaign, "schedule")).content.decode()

    assert "One thing keeps it from being sent." in content
    assert ">Schedule</button>" not in content


def test_back_to_draft_asks_once_and_gives_the_mails_back(in_florist: Organization, browser: Client) -> None:
    campaign = factories.make_campaign(in_florist)
    at = datetime.datetime.combine(datetime.date.fromisoformat(in_days(9)), datetime.time(9))
    services.campaign_schedule(campaign_id=campaign.pk, version=0, at=at, zone=ScheduleZone.RECIPIENT)

    asked = browser.get(page(campaign, "back-to-draft")).content.decode()
    assert "1 mail goes back to the plan" in asked
    browser.post(page(campaign, "back-to-draft"))

    assert Campaign.objects.get().status == CampaignStatus.DRAFT


@pytest.mark.parametrize("action", ["schedule", "back-to-draft"])
def test_planning_by_a_role_that_may_not_is_refused(
    in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User], action: str
) -> None:
    campaign = factories.make_campaign(in_florist)

    assert signed_in(member(Role.ACCOUNT_MANAGER)).post(page(campaign, action), wanted()).status_code == 403


def form_of(campaign: Campaign, **changes: Any) -> dict[str, Any]:
    names = ("name", "subject", "preheader", "from_name", "from_email", "reply_to", "version")
    fields = {name: getattr(campaign, name) for name in names}
    groups = {"include_groups": [str(pk) for pk in audience_of(campaign)[0]]}
    return {**fields, **groups, "template": str(campaign.template_id), **changes}


def test_form_keeps_window_days_and_limit(in_florist: Organization, browser: Client) -> None:
    campaign = factories.make_campaign(in_florist)
    when = {"window_from": "09:00", "window_until": "18:00", "window_days": ["0", "4"], "throttle_per_hour": "500"}

    browser.post(page(campaign, "change"), form_of(campaign, **when))
    content = browser.get(page(campaign, "review")).content.decode()

    saved = Campaign.objects.get()
    assert (saved.window_from, saved.window_until) == (datetime.time(9), datetime.time(18))
    assert (saved.window_days, saved.throttle_per_hour) == ([0, 4], 500)
    assert "Monday, Friday, 09:00 to 18:00 (UTC), at most 500 mails an hour" in content
    assert "Expected end if it starts now" in content


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"window_from": "09:00"}, "Write both times, or none"),
        ({"window_from": "09:00", "window_until": "09:00"}, "It ends when it begins"),
        ({"window_days": ["7"]}, "Select a valid choice"),
        ({"throttle_per_hour": "0"}, "greater than or equal to 1"),
    ],
)
def test_form_with_an_impossible_window_says_what_to_do(
    in_florist: Organization, browser: Client, when: dict[str, Any], words: str
) -> None:
    campaign = factories.make_campaign(in_florist)

    content = browser.post(page(campaign, "change"), form_of(campaign, **when)).content.decode()

    assert words in content
    assert Campaign.objects.get().version == 0


def test_new_campaign_begins_with_the_clients_pattern_and_is_finished_on_saving(
    in_florist: Organization, browser: Client
) -> None:
    in_florist.campaign_name_pattern = "{client} {year} {template}"
    in_florist.save()
    year = timezone.now().year
    template = factories.make_template(in_florist, "Autumn")

    content = browser.get(f"{LIST}add/").content.decode()
    assert f'value="Florist {year} {{template}}"' in content
    browser.post(
        f"{LIST}add/",
        {
            "name": f"Florist {year} {{template}}",
            "template": str(template.pk),
            "from_name": "Florist",
            "from_email": "hello@florist.example",
        },
    )

    assert Campaign.objects.get().name == f"Florist {year} Autumn"


def test_checks_of_a_draft_look_through_its_people(in_florist: Organization, browser: Client) -> None:
    template = factories.make_template(in_florist, html='<p>{{ contact.company }}</p><a href="#">x</a>')
    nameless = factories.make_contact(in_florist, "nobody@people.example")
    group = factories.make_group(in_florist, contacts=[nameless])
    campaign = factories.make_campaign(in_florist, group=group, template=template)

    content = browser.get(f"{LIST}checks/", {"campaign": str(campaign.pk)}).content.decode()

    assert "has no unsubscribe link" in content and "1 person has no company" in content
    assert f"/admin/contacts/contact/{nameless.pk}/change/" in content
    assert f"/admin/email_templates/emailtemplate/{template.pk}/change/" in content
    assert content.index("has no unsubscribe link") < content.index("1 person has no company")


@pytest.mark.parametrize("campaign", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_checks_of_nothing_are_not_there(in_florist: Organization, browser: Client, campaign: str) -> None:
    assert browser.get(f"{LIST}checks/", {"campaign": campaign}).status_code == 404


def test_checks_of_another_clients_campaign_are_not_there(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    with organization_scope(museum):
        foreign = factories.make_campaign(museum)

    assert browser.get(f"{LIST}checks/", {"campaign": str(foreign.pk)}).status_code == 404


def test_hints_follow_what_is_typed_and_fall_back_to_the_template(in_florist: Organization, browser: Client) -> None:
    template = factories.make_template(in_florist, subject="RE: From the template", preheader="")
    base = {"client": str(in_florist.pk), "template": str(template.pk)}

    typed = browser.get(f"{LIST}hints/", {**base, "subject": "Hello", "preheader": "x" * 60}).json()
    empty = browser.get(f"{LIST}hints/", {**base, "subject": "", "preheader": ""}).json()
    odd = browser.get(f"{LIST}hints/", {"client": str(in_florist.pk), "template": "x"})

    assert (typed["subject"]["length"], typed["hints"]) == (5, [])
    assert [hint["field"] for hint in empty["hints"]] == ["subject", "preheader"]
    assert odd.json()["hints"] == []


def test_audience_shows_parts_and_overlap(in_florist: Organization, browser: Client) -> None:
    people = [factories.make_contact(in_florist) for _ in range(3)]
    gone = factories.make_contact(in_florist, status=ContactStatus.UNSUBSCRIBED)
    one = factories.make_group(in_florist, "One", [*people, gone])
    two = factories.make_group(in_florist, "Two", people[:1])
    out = factories.make_group(in_florist, "Out", people[2:])
    query = {"client": str(in_florist.pk), "include": [str(one.pk), str(two.pk)], "exclude": [str(out.pk)]}

    content = " ".join(browser.get(f"{LIST}audience/", query).content.decode().split())

    assert "<strong>2</strong> get it" in content
    assert "Suppressed <strong>1</strong>" in content and "Left out <strong>1</strong>" in content
    assert "1 <small>in others too" in content and "1 <small>taken away" in content


def test_copy_to_other_clients_makes_a_draft_in_each_with_its_brand_and_nobody_in_it(
    museum: Organization, in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    user = member(Role.MANAGER)
    factories.join(user, museum, Role.MANAGER)
    browser = signed_in(user)
    campaign = factories.make_campaign(in_florist, subject="Florist news", throttle_per_hour=300)
    path = page(campaign, "copy-to-clients")

    assert "Museum" in browser.get(path).content.decode()
    asked = browser.post(path, {"client": [str(museum.pk)]}).content.decode()
    assert "Groups and segments are not copied" in asked
    with all_organizations(reason="the test looks"):
        assert Campaign.objects.count() == 1
    done = browser.post(path, {"client": [str(museum.pk)], "confirmed": "1"}, follow=True).content.decode()

    assert "Choose groups or segments: those of the first client were not copied." in done
    with organization_scope(museum):
        copy = Campaign.objects.get()
        assert (copy.status, copy.from_email) == (CampaignStatus.DRAFT, "hello@museum.example")
        assert (copy.subject, copy.throttle_per_hour) == ("{{ organization.name }} news", 300)
        assert copy.template_id == EmailTemplate.objects.get().pk
        assert audience_of(copy) == ([], [])


def test_copy_reaches_only_clients_where_the_person_manages(
    museum: Organization, in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    user = member(Role.MANAGER)
    factories.join(user, museum, Role.VIEWER)
    browser = signed_in(user)
    campaign = factories.make_campaign(in_florist)

    browser.post(page(campaign, "copy-to-clients"), {"client": [str(museum.pk)], "confirmed": "1"})

    with organization_scope(museum):
        assert not Campaign.objects.exists()
