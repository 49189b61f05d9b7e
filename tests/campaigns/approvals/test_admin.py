"""The chain in the admin: who sees what, who may answer, and what two clicks do."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import AuditEvent, Organization, User
from core.campaigns.approvals.services import Decider, approval_comment
from core.campaigns.models import Approval, ApprovalComment, Campaign
from core.campaigns.queries import audience_of
from core.campaigns.states import ApprovalState, CampaignStatus
from core.common.tenancy import organization_scope
from tests.campaigns.approvals.world import CLARA, World, make_world
from tests.support import factories

S = CampaignStatus
SignedIn = Callable[[User], Client]
LIST = "/admin/campaigns/approval/"


@pytest.fixture
def world(in_florist: Organization) -> World:
    return make_world(in_florist)


def campaign_page(world: World, action: str = "change") -> str:
    return f"/admin/campaigns/campaign/{world.campaign.pk}/{action}/"


def review(approval: Approval, action: str = "change") -> str:
    return f"{LIST}{approval.pk}/{action}/"


def form_of(campaign: Campaign, **changes: object) -> dict[str, object]:
    included, _excluded = audience_of(campaign)
    names = ("name", "subject", "preheader", "from_name", "from_email", "reply_to", "version")
    fields = {name: getattr(campaign, name) for name in names}
    groups = {"include_groups": [str(pk) for pk in included]}
    return {**fields, **groups, "template": str(campaign.template_id), **changes}


def test_draft_of_a_client_with_a_rule_offers_asking_and_no_sending(world: World, signed_in: SignedIn) -> None:
    page = signed_in(world.author).get(campaign_page(world)).content.decode()
    assert "ask-for-approval" in page and "Salt" not in page
    assert f"{campaign_page(world, 'review')}" not in page
    assert "asks for approval by a second member of the team and the client" in page
    refused = signed_in(world.author).post(campaign_page(world, "review"), {"_version": "0"}, follow=True)
    assert "asks for approval" in refused.content.decode() and world.stored().status == S.DRAFT


def test_ask_shows_numbers_and_people_and_asks_on_post(world: World, signed_in: SignedIn) -> None:
    browser = signed_in(world.author)
    page = browser.get(campaign_page(world, "ask-for-approval")).content.decode()
    assert "2 people of Florist are to get “Spring offer” from hello@florist.example" in page
    assert "One of: Rita Reviewer" in page and "Ada Author" not in page.split("One of:")[1].split("</dd>")[0]
    assert world.stored().status == S.DRAFT

    data = {"note": "By noon", "approver_name": "Clara", "approver_email": CLARA, "language": "es", "link_days": "3"}
    answer = browser.post(campaign_page(world, "ask-for-approval"), {**data, "_version": "0"}, follow=True)

    assert "is in review and waits for a second member" in answer.content.decode()
    asked = world.open()
    assert (asked.note, asked.link_days, asked.language, asked.asked_by) == ("By noon", 3, "es", world.author)
    again = browser.post(campaign_page(world, "ask-for-approval"), {**data, "_version": "1"}, follow=True)
    assert "in review" in again.content.decode() and Approval.objects.count() == 1


def test_ask_with_a_wrong_form_says_what_is_wrong(world: World, signed_in: SignedIn) -> None:
    data = {"approver_email": "nobody", "language": "xx", "link_days": "0"}
    answer = signed_in(world.author).post(campaign_page(world, "ask-for-approval"), data)
    assert answer.status_code == 200 and not Approval.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNT_MANAGER])
def test_roles_that_only_look_cannot_ask_or_answer(world: World, signed_in: SignedIn, role: Role) -> None:
    asked = world.ask()
    browser = signed_in(factories.make_user(role, world.organization))
    assert browser.get(review(asked)).status_code == 200
    for path in (
        campaign_page(world, "ask-for-approval"),
        campaign_page(world, "withdraw-approval"),
        review(asked, "approve"),
        review(asked, "changes"),
        review(asked, "comment"),
    ):
        assert browser.post(path, {"text": "x", "note": ""}).status_code in (302, 403), path
    assert world.stored().status == S.IN_REVIEW and not ApprovalComment.objects.exists()


def test_review_shows_previews_checks_and_the_two_answers(world: World, signed_in: SignedIn) -> None:
    asked = world.ask(note="Look at the offer")
    browser = signed_in(world.reviewer)
    page = browser.get(review(asked)).content.decode()
    for words in ("Look at the offer", "Ada Author", "On a computer", "On a phone", "2 people", "Checks", "Approve"):
        assert words in page, words
    frames = re.findall(r'<iframe src="([^"]+)"', page)
    assert len(frames) == 2
    frame = browser.get(frames[0])
    assert "Hello Ada" in frame.content.decode() and "sandbox" in frame["Content-Security-Policy"]


def test_review_by_the_author_says_why_not(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    page = signed_in(world.author).get(review(asked)).content.decode()
    assert "somebody else has to approve it" in page and review(asked, "approve") not in page
    signed_in(world.author).post(review(asked, "approve"))
    assert world.open() == asked


def test_approve_asks_in_numbers_and_counts_once(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    browser = signed_in(world.reviewer)
    page = browser.get(review(asked, "approve")).content.decode()
    assert "2 people of Florist would get it" in page and world.stored().status == S.IN_REVIEW

    first = browser.post(review(asked, "approve"), follow=True)
    second = browser.post(review(asked, "approve"), follow=True)

    assert "You approved “Spring offer”. The client is asked." in first.content.decode()
    assert "has approved this already" in second.content.decode()
    assert Approval.objects.filter(stage="client").count() == 1
    asked.refresh_from_db()
    assert asked.decided_by == world.reviewer and asked.decided_from is not None


def test_ask_for_changes_needs_words_and_shows_them_to_the_author(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    browser = signed_in(world.reviewer)
    assert browser.post(review(asked, "changes"), {"text": ""}).status_code == 200
    browser.post(review(asked, "changes"), {"text": "Mind the <i>price</i>"})
    page = signed_in(world.author).get(campaign_page(world)).content.decode()
    assert world.stored().status == S.DRAFT
    assert "Rita Reviewer asked for changes: Mind the &lt;i&gt;price" in page


def test_comments_stand_beside_the_campaign_and_link_to_their_spot(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    browser = signed_in(world.reviewer)
    spot = {"view": "desktop", "variant": "0", "x": "10", "y": "20"}
    browser.post(review(asked, "comment"), {"text": "This line", **spot})
    page = signed_in(world.author).get(campaign_page(world)).content.decode()
    assert "This line" in page and f"{review(asked)}#comments" in page
    assert 'data-x="10" data-y="20"' in browser.get(review(asked)).content.decode()
    browser.get(review(asked, "comment"), {"text": "by GET"})
    assert ApprovalComment.objects.count() == 1


def test_link_can_be_copied_by_those_who_manage(world: World, signed_in: SignedIn) -> None:
    world.client_link()
    assert "/approve/" in signed_in(world.author).get(campaign_page(world)).content.decode()
    viewer = factories.make_user(Role.VIEWER, world.organization)
    assert "/approve/" not in signed_in(viewer).get(campaign_page(world)).content.decode()


def test_remind_and_withdraw_ask_once_and_work(world: World, signed_in: SignedIn) -> None:
    link = world.client_link()
    browser = signed_in(world.author)
    assert CLARA in browser.get(campaign_page(world, "remind")).content.decode()
    browser.post(campaign_page(world, "remind"))
    link.refresh_from_db()
    assert link.reminded_at is not None
    browser.get(campaign_page(world, "withdraw-approval"))
    assert world.stored().status == S.IN_REVIEW
    browser.post(campaign_page(world, "withdraw-approval"))
    assert world.stored().status == S.DRAFT


def test_edit_in_review_is_announced_and_ends_it(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    browser = signed_in(world.author)
    assert "This campaign is in review. Saving another content" in browser.get(campaign_page(world)).content.decode()

    answer = browser.post(campaign_page(world), form_of(world.stored(), subject="A better subject"), follow=True)

    assert "The approval was ended by this edit: subject" in answer.content.decode()
    asked.refresh_from_db()
    assert (asked.state, world.stored().status) == (ApprovalState.REVOKED, S.DRAFT)
    assert "Revoked by an edit: subject" in browser.get(f"{LIST}?state=all").content.decode()
    assert AuditEvent.objects.filter(action="approval.revoked").count() == 1


def test_edit_of_the_name_leaves_the_review(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    signed_in(world.author).post(campaign_page(world), form_of(world.stored(), name="Renamed"))
    asked.refresh_from_db()
    campaign = world.stored()
    assert (asked.state, campaign.status, campaign.name) == (ApprovalState.OPEN, S.IN_REVIEW, "Renamed")


def test_review_of_what_was_edited_names_the_parts(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    Campaign.objects.filter(pk=world.campaign.pk).update(reply_to="other@florist.example")
    page = signed_in(world.reviewer).get(review(asked)).content.decode()
    assert "Revoked by an edit: reply address changed" in page and review(asked, "approve") not in page


def test_menu_badge_and_home_count_what_the_person_may_answer(world: World, signed_in: SignedIn) -> None:
    asked = world.ask()
    mine = signed_in(world.reviewer).get("/admin/").content.decode()
    assert re.search(r"Approvals.{0,900}?>\s*1\s*</span>", mine, re.S) and review(asked) in mine
    authors = signed_in(world.author).get("/admin/").content.decode()
    assert not re.search(r"Approvals.{0,900}?>\s*1\s*</span>", authors, re.S) and review(asked) not in authors


def test_list_shows_what_waits_and_nothing_of_other_clients(
    world: World, museum: Organization, signed_in: SignedIn
) -> None:
    asked = world.ask()
    with organization_scope(museum):
        other = make_world(museum)
        foreign = other.ask()
        approval_comment(approval_id=foreign.pk, decider=Decider(other.reviewer), text="Foreign words")
    browser = signed_in(world.reviewer)
    page = browser.get(LIST).content.decode()
    assert review(asked) in page and str(foreign.pk) not in page and "Ada Author" in page
    for action in ("change", "approve", "changes", "comment"):
        answer = browser.post(review(foreign, action), {"text": "x"}, follow=True)
        assert "Foreign words" not in answer.content.decode()
    with organization_scope(museum):
        foreign.refresh_from_db()
    assert foreign.state == ApprovalState.OPEN


def test_settings_hold_the_rule_and_the_approver(
    florist: Organization, member: Callable[..., User], signed_in: SignedIn
) -> None:
    owner = signed_in(member(Role.OWNER))
    page = f"/admin/accounts/organization/{florist.pk}/change/"
    assert "Approval of campaigns" in owner.get(page).content.decode()
    fields = {"name": "Florist", "time_zone": "UTC", "color": "#0f766e", "postal_address": "1 Street"}
    wish = {"approval_policy": ApprovalPolicy.CLIENT, "approver_name": "Clara", "approver_email": CLARA}
    owner.post(page, {**fields, **wish})
    with organization_scope(florist):
        florist.refresh_from_db()
        assert (florist.approval_policy, florist.approver_email) == (ApprovalPolicy.CLIENT, CLARA)
    owner.post(page, fields)
    with organization_scope(florist):
        florist.refresh_from_db()
    assert florist.approval_policy == ApprovalPolicy.CLIENT
    manager = signed_in(member(Role.MANAGER))
    manager.post(page, {**fields, "approval_policy": ApprovalPolicy.NONE})
    with organization_scope(florist):
        florist.refresh_from_db()
    assert florist.approval_policy == ApprovalPolicy.CLIENT
