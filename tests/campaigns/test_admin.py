"""The pages of campaigns: who may do what, in which state, and what two clicks do."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.campaigns import services
from core.campaigns.models import Campaign
from core.campaigns.queries import audience_of
from core.campaigns.states import CampaignStatus, PauseReason
from core.common.tenancy import organization_scope
from core.contacts.choices import ContactStatus
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from tests.support import factories

LIST = "/admin/campaigns/campaign/"


@pytest.fixture
def browser(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.MANAGER))


def page(campaign: Campaign, action: str = "change") -> str:
    return f"{LIST}{campaign.pk}/{action}/"


def ready_campaign(organization: Organization, name: str = "Spring offer") -> Campaign:
    contacts = [factories.make_contact(organization, first_name=f"P{number}") for number in range(2)]
    contacts.append(factories.make_contact(organization, status=ContactStatus.UNSUBSCRIBED))
    return factories.make_campaign(
        organization, group=factories.make_group(organization, f"People of {name}", contacts), name=name
    )


def sending(organization: Organization, name: str = "Going out") -> Campaign:
    campaign = ready_campaign(organization, name)
    services.campaign_send_now(campaign_id=campaign.pk)
    services.campaign_begin(campaign_id=campaign.pk)
    return services.campaign_started(campaign_id=campaign.pk)


def form_of(campaign: Campaign, **changes: Any) -> dict[str, Any]:
    included, excluded = audience_of(campaign)
    names = ("name", "subject", "preheader", "from_name", "from_email", "reply_to", "version")
    fields = {name: getattr(campaign, name) for name in names}
    groups = {"include_groups": [str(pk) for pk in included], "exclude_groups": [str(pk) for pk in excluded]}
    return {**fields, **groups, "template": str(campaign.template_id), **changes}


def stored(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def test_review_shows_the_numbers_and_changes_nothing(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)

    content = browser.get(page(campaign, "review")).content.decode()

    assert "2 people of Florist will get “Spring offer” from hello@florist.example, starting now" in content
    assert "1 is skipped: 1 unsubscribed." in content
    assert "2 mails used this month after this, no limit" in content
    assert "Send to 2 people" in content
    assert stored(campaign).status == CampaignStatus.DRAFT


def test_review_confirmed_twice_sends_once_and_leads_to_the_report(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)

    first = browser.post(page(campaign, "review"), {"_version": "0"})
    second = browser.post(page(campaign, "review"), {"_version": "0"})

    assert first.status_code == second.status_code == 302
    assert first["Location"] == f"{LIST}{campaign.pk}/report/"
    assert stored(campaign).status == CampaignStatus.SCHEDULED
    assert usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS) == 2


def test_review_of_a_draft_edited_meanwhile_asks_again(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)
    services.campaign_hold_draft(campaign_id=campaign.pk, version=0)

    answer = browser.post(page(campaign, "review"), {"_version": "0"}, follow=True)

    assert "changed by somebody else" in answer.content.decode()
    assert stored(campaign).status == CampaignStatus.DRAFT


@pytest.mark.parametrize("status", ["cancelled", "in_review", "paused", "failed", "planned"])
def test_review_confirmed_while_somebody_else_acts_says_so_and_not_that_it_goes_out(
    in_florist: Organization, browser: Client, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    campaign, send = ready_campaign(in_florist), services.campaign_send_now

    def somebody_first(*, campaign_id: Any, version: int | None) -> Campaign:
        planned = {"status": CampaignStatus.SCHEDULED, "scheduled_local": "2099-01-01T09:00"}
        changed = planned if status == "planned" else {"status": status}
        Campaign.objects.filter(pk=campaign_id).update(version=1, **changed)
        return send(campaign_id=campaign_id, version=version)

    monkeypatch.setattr(services, "campaign_send_now", somebody_first)
    answer = browser.post(page(campaign, "review"), {"_version": "0"}, follow=True)
    said = " ".join(str(message) for message in answer.context["messages"])
    assert "on its way" not in said
    assert "changed by somebody else" in said or "cannot become" in said


@pytest.mark.parametrize("version", ["", "²", "9" * 5_000, "-1", "0x0"])
@pytest.mark.parametrize("action", ["review", "schedule", "ask-for-approval"])
def test_version_that_nobody_saw_asks_again_and_changes_nothing(
    in_florist: Organization, browser: Client, action: str, version: str
) -> None:
    campaign = ready_campaign(in_florist)
    tomorrow = timezone.localtime() + datetime.timedelta(days=1)
    typed = {"_version": version, "day": f"{tomorrow:%Y-%m-%d}", "time": "09:00", "zone": "client"}
    assert browser.post(page(campaign, action), typed).status_code == 302
    assert stored(campaign).status == CampaignStatus.DRAFT


def test_review_with_problems_lists_them_and_has_no_button(in_florist: Organization, browser: Client) -> None:
    in_florist.postal_address = ""
    in_florist.save()
    template = factories.make_template(in_florist, html="<p>No way out</p>")
    campaign = factories.make_campaign(in_florist, template=template)

    content = browser.get(page(campaign, "review")).content.decode()

    assert "2 things keep it from being sent." in content
    assert "no postal address" in content and "no unsubscribe link" in content
    assert "Send now" not in content


def test_review_past_the_plan_says_so_before_it_is_tried(in_florist: Organization, browser: Client) -> None:
    Subscription.objects.update(plan=factories.make_plan(name="Free", max_emails=1))

    content = browser.get(page(ready_campaign(in_florist), "review")).content.decode()

    assert "the Free plan has 1 left (0 of 1 used)" in content


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNT_MANAGER])
@pytest.mark.parametrize("action", ["review", "pause", "resume", "cancel", "duplicate"])
def test_actions_by_a_role_that_may_not_are_refused(
    in_florist: Organization,
    signed_in: Callable[[User], Client],
    member: Callable[..., User],
    role: Role,
    action: str,
) -> None:
    campaign = ready_campaign(in_florist)

    assert signed_in(member(role)).post(page(campaign, action)).status_code == 403
    assert stored(campaign).version == 0
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize("action", ["change", "review", "pause", "resume", "cancel", "duplicate", "open-report"])
def test_pages_of_another_clients_campaign_show_nothing(
    museum: Organization, in_florist: Organization, browser: Client, action: str
) -> None:
    with organization_scope(museum):
        foreign = factories.make_campaign(museum, name="Canary of the museum")

    for answer in (browser.get(page(foreign, action), follow=True), browser.post(page(foreign, action), follow=True)):
        assert "Canary" not in answer.content.decode()

    with organization_scope(museum):
        assert stored(foreign).version == 0
        assert Campaign.objects.count() == 1


def test_bulk_send_now_asks_first_and_sends_what_can_be_sent(in_florist: Organization, browser: Client) -> None:
    good, bad, gone = ready_campaign(in_florist), ready_campaign(in_florist, "No groups"), sending(in_florist)
    bad.campaign_groups.all().delete()
    picked = {"action": "send_now_selected", "_selected_action": [str(item.pk) for item in (good, bad, gone)]}

    asked = browser.post(LIST, picked)
    content = asked.content.decode()

    assert asked.status_code == 200
    assert "2 people of Florist will get “Spring offer”" in content
    assert "“No groups” is left out. No group or segment is chosen." in content
    assert "is left out: it is sending already" in content
    assert stored(good).status == CampaignStatus.DRAFT

    confirmed = {
        "action": "send_now_selected",
        "_selected_action": [str(good.pk)],
        "_confirmed": "1",
        "_version": [f"{good.pk}:0"],
    }
    for _ in range(2):
        assert browser.post(LIST, confirmed).status_code == 302
    assert stored(good).status == CampaignStatus.SCHEDULED
    assert usage.used(organization_id=in_florist.pk, metric=Metric.CAMPAIGNS) == 2


def test_bulk_send_now_names_only_what_is_ready_in_its_form(in_florist: Organization, browser: Client) -> None:
    good, bad = ready_campaign(in_florist), ready_campaign(in_florist, "No groups")
    bad.campaign_groups.all().delete()
    picked = {"action": "send_now_selected", "_selected_action": [str(good.pk), str(bad.pk)]}

    content = browser.post(LIST, picked).content.decode()

    assert f'name="_selected_action" value="{good.pk}"' in content
    assert f'name="_selected_action" value="{bad.pk}"' not in content
    assert f'value="{good.pk}:0"' in content


def test_bulk_send_now_by_a_viewer_does_nothing(
    in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    campaign = ready_campaign(in_florist)
    confirmed = {"action": "send_now_selected", "_selected_action": [str(campaign.pk)], "_confirmed": "1"}

    signed_in(member(Role.VIEWER)).post(LIST, confirmed)

    assert stored(campaign).status == CampaignStatus.DRAFT


def test_pause_resume_cancel_ask_on_get_and_act_on_post(in_florist: Organization, browser: Client) -> None:
    campaign = sending(in_florist)

    for action, after in (
        ("pause", CampaignStatus.PAUSED),
        ("resume", CampaignStatus.SENDING),
        ("cancel", CampaignStatus.CANCELLING),
    ):
        before = stored(campaign).status
        assert browser.get(page(campaign, action)).status_code == 200
        assert stored(campaign).status == before
        browser.post(page(campaign, action))
        assert stored(campaign).status == after
        browser.post(page(campaign, action))
        assert stored(campaign).status == after


def test_duplicate_leads_to_the_new_draft(in_florist: Organization, browser: Client) -> None:
    campaign = sending(in_florist)

    answer = browser.post(page(campaign, "duplicate"))

    copy = Campaign.objects.exclude(pk=campaign.pk).get()
    assert answer["Location"] == page(copy)
    assert copy.status == CampaignStatus.DRAFT


def test_add_makes_a_draft_with_its_groups(in_florist: Organization, browser: Client) -> None:
    newsletter = factories.make_group(in_florist, "Newsletter")
    staff = factories.make_group(in_florist, "Staff")
    template = factories.make_template(in_florist)
    fields = {
        "name": "New",
        "template": str(template.pk),
        "from_name": "Florist",
        "from_email": "hello@florist.example",
        "include_groups": [str(newsletter.pk)],
        "exclude_groups": [str(staff.pk)],
    }

    assert browser.post(f"{LIST}add/", fields).status_code == 302

    campaign = Campaign.objects.get()
    assert audience_of(campaign) == ([newsletter.pk], [staff.pk])
    assert (campaign.organization_id, campaign.status) == (in_florist.pk, CampaignStatus.DRAFT)
    assert campaign.created_by is not None


def test_add_offers_the_clients_sender(in_florist: Organization, browser: Client) -> None:
    assert 'value="hello@florist.example"' in browser.get(f"{LIST}add/").content.decode()


def test_add_with_a_foreign_group_or_template_is_refused(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    with organization_scope(museum):
        group, template = factories.make_group(museum, "Canary group"), factories.make_template(museum, "Canary")
    fields = {"name": "New", "template": str(template.pk), "from_name": "F", "from_email": "hello@florist.example"}

    answer = browser.post(f"{LIST}add/", {**fields, "include_groups": [str(group.pk)]})

    assert answer.status_code == 200
    assert "Canary" not in answer.content.decode()
    assert not Campaign.objects.exists()


def test_change_saves_raises_the_version_and_is_recorded(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)

    answer = browser.post(page(campaign), form_of(campaign, subject="New subject"))

    assert answer.status_code == 302, answer.content.decode()[:3000]
    assert (stored(campaign).subject, stored(campaign).version) == ("New subject", 1)
    event = AuditEvent.objects.get(action="campaign.changed")
    assert event.changes == {"subject": ["", "New subject"]}


def test_change_by_two_people_keeps_the_first_and_the_seconds_words(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)
    opened_by_both = form_of(campaign)
    browser.post(page(campaign), {**opened_by_both, "subject": "First"})

    answer = browser.post(page(campaign), {**opened_by_both, "subject": "Second"})

    content = answer.content.decode()
    assert answer.status_code == 200
    assert "changed by somebody else" in content and 'value="Second"' in content
    assert (stored(campaign).subject, stored(campaign).version) == ("First", 1)


def test_change_with_a_mistake_does_not_use_up_the_version(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)

    browser.post(page(campaign), form_of(campaign, from_email="no address"))

    assert stored(campaign).version == 0


def test_change_after_it_was_sent_is_refused_and_the_page_is_read_only(
    in_florist: Organization, browser: Client
) -> None:
    campaign = sending(in_florist)

    content = browser.get(page(campaign)).content.decode()

    assert "Only a draft can be edited" in content
    assert 'name="subject"' not in content
    assert browser.post(page(campaign), form_of(campaign, subject="Late")).status_code == 403
    assert browser.post(page(campaign, "delete"), {"post": "yes"}).status_code == 403
    assert stored(campaign).subject == ""


def test_change_same_group_on_both_sides_is_refused_beside_the_field(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)
    included, _ = audience_of(campaign)

    answer = browser.post(page(campaign), form_of(campaign, exclude_groups=[str(included[0])]))

    assert "chosen above as well" in answer.content.decode()


@pytest.mark.parametrize(
    ("status", "shown", "hidden"),
    [
        (CampaignStatus.DRAFT, ["review"], ["pause", "resume", "open-report"]),
        (CampaignStatus.SCHEDULED, ["cancel"], ["review", "pause", "resume", "open-report"]),
        (CampaignStatus.SENDING, ["pause", "cancel", "open-report"], ["review", "resume"]),
        (CampaignStatus.PAUSED, ["resume", "cancel", "open-report"], ["review", "pause"]),
        (CampaignStatus.SENT, ["open-report"], ["review", "pause", "resume", "cancel"]),
    ],
)
def test_page_offers_what_the_state_allows(
    in_florist: Organization, browser: Client, status: CampaignStatus, shown: list[str], hidden: list[str]
) -> None:
    campaign = ready_campaign(in_florist)
    Campaign.objects.update(status=status)

    content = browser.get(page(campaign)).content.decode()

    assert [action for action in shown if page(campaign, action) not in content] == []
    assert [action for action in hidden if page(campaign, action) in content] == []


def test_page_of_a_halted_campaign_says_why(in_florist: Organization, browser: Client) -> None:
    campaign = sending(in_florist)
    services.campaign_halted(campaign_id=campaign.pk, reason=PauseReason.CONNECTION, problem="The server said 535.")

    assert "The sending connection refuses us. The server said 535." in browser.get(page(campaign)).content.decode()


def test_audience_counts_the_ticked_groups(in_florist: Organization, browser: Client) -> None:
    campaign = ready_campaign(in_florist)
    included, _ = audience_of(campaign)

    answer = browser.get(f"{LIST}audience/", {"client": in_florist.pk, "include": included})

    words = " ".join(answer.content.decode().split())
    assert "<strong>2</strong> get it" in words and "1 unsubscribed" in words


def test_audience_and_people_of_another_client_are_not_found(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    for address in ("audience/", "preview/people/"):
        assert browser.get(LIST + address, {"client": museum.pk, "q": "a"}).status_code == 404
    assert browser.post(f"{LIST}preview/", {"client": museum.pk}).status_code == 404
    assert browser.get(f"{LIST}audience/", {"client": in_florist.pk, "include": "x"}).status_code == 400


def test_people_are_found_by_the_beginning_of_the_address(in_florist: Organization, browser: Client) -> None:
    factories.make_contact(in_florist, "Grace@people.example", first_name="Grace")
    factories.make_contact(in_florist, "other@people.example")

    (person,) = browser.get(f"{LIST}preview/people/", {"client": in_florist.pk, "q": "GRA"}).json()["people"]

    assert person["address"] == "Grace@people.example"
    assert person["values"]["contact.first_name"] == "Grace"


def test_preview_of_a_draft_shows_the_form_and_of_a_frozen_one_what_was_sent(
    in_florist: Organization, browser: Client
) -> None:
    campaign = ready_campaign(in_florist)
    asked = {"client": in_florist.pk, "template": campaign.template_id, "subject": "For {{ contact.first_name }}"}
    values = json.dumps({"contact.first_name": "Grace", "organization.name": "Forged"})

    draft = browser.post(f"{LIST}preview/", {**asked, "values": values}).json()["mail"]
    assert draft["subject"] == "For Grace"

    services.campaign_send_now(campaign_id=campaign.pk)
    services.campaign_begin(campaign_id=campaign.pk)
    frozen = browser.post(f"{LIST}preview/", {**asked, "campaign": campaign.pk, "values": values}).json()["mail"]
    assert frozen["subject"] == "News from Florist"
    assert "https://shop.example/offer?a=1&b=2" in frozen["text"]
    html = browser.get(frozen["frame_url"]).content.decode()
    assert "Hello Grace" in html
    assert "<img" not in html


def test_list_needs_the_same_number_of_queries_for_many_rows(
    in_florist: Organization, browser: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(8):
        ready_campaign(in_florist, f"Campaign {number}")
    browser.get(LIST)

    with django_assert_max_num_queries(14):
        assert browser.get(LIST).status_code == 200
