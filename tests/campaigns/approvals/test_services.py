"""Asking, answering, taking back: happy, refused, twice, of another client."""

import datetime

import pytest
from django.utils import timezone

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import AuditEvent, Organization, User
from core.campaigns.approvals.errors import (
    AlreadyAnswered,
    ApprovalRefused,
    CommentRefused,
    LinkExpired,
    NotYours,
    RevokedByEdit,
)
from core.campaigns.approvals.hashing import campaign_hash
from core.campaigns.approvals.services import (
    MOST_COMMENTS,
    Asked,
    Decider,
    Spot,
    approval_approve,
    approval_ask_changes,
    approval_comment,
    approval_recheck,
    approval_remind,
    approval_request,
    approval_withdraw,
    approvals_check,
)
from core.campaigns.errors import CampaignNotReady, ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Approval, ApprovalComment, Campaign, CampaignGroup
from core.campaigns.services import campaign_cancel, campaign_hold_draft, campaign_send_now
from core.campaigns.states import ApprovalStage, ApprovalState, CampaignStatus
from core.common.tenancy import all_organizations, organization_scope
from tests.campaigns.approvals.world import CLARA, World, make_world
from tests.support import factories

S = CampaignStatus
CLARA_SAYS = Decider(name="Clara Client", ip_address="203.0.113.7")


@pytest.fixture
def world(in_florist: Organization) -> World:
    return make_world(in_florist)


@pytest.fixture
def two(in_florist: Organization) -> World:
    """A client whose rule ends with a second member."""
    return make_world(in_florist, ApprovalPolicy.TWO_PERSON)


def test_request_draft_goes_into_review_bound_to_its_hash(two: World) -> None:
    asked = two.ask(note="Please by noon")

    campaign = two.stored()
    assert (campaign.status, campaign.version) == (S.IN_REVIEW, 1)
    assert (asked.stage, asked.state, asked.note) == (ApprovalStage.INTERNAL, ApprovalState.OPEN, "Please by noon")
    assert asked.content_hash == campaign_hash(campaign) and len(asked.content_hash) == 64
    assert asked.mail_due_at is None and asked.expires_at is None
    assert AuditEvent.objects.filter(action="approval.asked", object_id=str(asked.pk)).count() == 1


def test_request_twice_is_refused(two: World) -> None:
    two.ask()
    with pytest.raises(IllegalTransition, match="in review"):
        two.ask()
    assert Approval.objects.filter(state=ApprovalState.OPEN).count() == 1


def test_request_of_an_older_version_is_refused(two: World) -> None:
    campaign_hold_draft(campaign_id=two.campaign.pk, version=0)
    with pytest.raises(ChangedMeanwhile):
        approval_request(campaign_id=two.campaign.pk, version=0, by=two.author, asked=Asked())
    assert two.stored().status == S.DRAFT and not Approval.objects.exists()


def test_request_without_a_rule_is_refused(in_florist: Organization) -> None:
    world = make_world(in_florist, ApprovalPolicy.NONE)
    with pytest.raises(ApprovalRefused, match="can be sent as it is"):
        world.ask()


def test_request_with_nobody_else_to_ask_is_refused(two: World) -> None:
    two.reviewer.memberships.update(role=Role.VIEWER)
    with pytest.raises(ApprovalRefused, match="second member"):
        two.ask()
    assert two.stored().status == S.DRAFT


def test_request_of_what_cannot_be_looked_at_is_refused(two: World) -> None:
    CampaignGroup.objects.all().delete()
    with pytest.raises(CampaignNotReady, match="No group"):
        two.ask()


def test_request_by_somebody_without_the_right_is_refused(two: World) -> None:
    viewer = factories.make_user(Role.VIEWER, two.organization)
    with pytest.raises(NotYours):
        approval_request(campaign_id=two.campaign.pk, version=None, by=viewer, asked=Asked())


def test_approve_by_a_second_member_approves_the_campaign(two: World) -> None:
    asked = two.ask()

    approval_approve(approval_id=asked.pk, decider=Decider(two.reviewer))

    asked.refresh_from_db()
    assert (asked.state, asked.decided_by, asked.decided_by_name) == ("approved", two.reviewer, "Rita Reviewer")
    assert two.stored().status == S.APPROVED
    assert campaign_send_now(campaign_id=two.campaign.pk).status == S.SCHEDULED


@pytest.mark.parametrize("who", ["author", "asker", "viewer", "stranger", "superuser who asked"])
def test_approve_by_the_wrong_person_is_refused(two: World, superuser: User, who: str) -> None:
    people = {
        "author": two.author,
        "asker": factories.make_user(Role.OWNER, two.organization),
        "viewer": factories.make_user(Role.VIEWER, two.organization),
        "stranger": factories.make_user(),
        "superuser who asked": superuser,
    }
    person = people[who]
    by = person if who in ("asker", "superuser who asked") else two.author
    asked = approval_request(campaign_id=two.campaign.pk, version=None, by=by, asked=Asked())

    with pytest.raises(NotYours):
        approval_approve(approval_id=asked.pk, decider=Decider(person))

    asked.refresh_from_db()
    assert asked.state == ApprovalState.OPEN and two.stored().status == S.IN_REVIEW


def test_approve_by_the_client_comes_after_the_team(world: World) -> None:
    internal = world.ask(link_days=5, language="es")
    with pytest.raises(NotYours):
        approval_approve(approval_id=internal.pk, decider=CLARA_SAYS)

    link = world.agree()

    assert world.stored().status == S.IN_REVIEW
    assert (link.stage, link.state, link.approver_email, link.language) == ("client", "open", CLARA, "es")
    assert link.expires_at is not None and link.mail_due_at is not None
    assert datetime.timedelta(days=4.9) < link.expires_at - timezone.now() <= datetime.timedelta(days=5)
    approval_approve(approval_id=link.pk, decider=CLARA_SAYS)
    link.refresh_from_db()
    assert (link.decided_by, link.decided_by_name, link.decided_from) == (None, "Clara Client", "203.0.113.7")
    assert world.stored().status == S.APPROVED


def test_approve_by_a_member_in_the_clients_place_is_refused(world: World) -> None:
    link = world.client_link()
    with pytest.raises(NotYours, match="client's"):
        approval_approve(approval_id=link.pk, decider=Decider(world.reviewer))


def test_approve_twice_the_second_changes_nothing(two: World) -> None:
    asked = two.ask()
    approval_approve(approval_id=asked.pk, decider=Decider(two.reviewer))
    other = factories.make_user(Role.ADMIN, two.organization, full_name="Olga Other")

    with pytest.raises(AlreadyAnswered, match="Rita Reviewer has approved this already"):
        approval_approve(approval_id=asked.pk, decider=Decider(other))
    with pytest.raises(AlreadyAnswered):
        approval_ask_changes(approval_id=asked.pk, decider=Decider(other), text="No")

    asked.refresh_from_db()
    assert asked.decided_by == two.reviewer
    assert AuditEvent.objects.filter(action="campaign.approved").count() == 1


def test_approve_after_an_edit_revokes_and_names_the_parts(two: World) -> None:
    asked = two.ask()
    Campaign.objects.filter(pk=two.campaign.pk).update(subject="Another subject")

    with pytest.raises(RevokedByEdit, match="subject"):
        approval_approve(approval_id=asked.pk, decider=Decider(two.reviewer))

    asked.refresh_from_db()
    campaign = two.stored()
    assert (asked.state, asked.changed) == (ApprovalState.REVOKED, ["subject"])
    assert campaign.status == S.DRAFT and "ended by an edit: subject" in campaign.problem
    assert AuditEvent.objects.filter(action="approval.revoked").count() == 1


def test_approve_past_its_time_is_refused(world: World) -> None:
    link = world.client_link()
    Approval.objects.filter(pk=link.pk).update(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    with pytest.raises(LinkExpired):
        approval_approve(approval_id=link.pk, decider=CLARA_SAYS)
    assert world.stored().status == S.IN_REVIEW


def test_approve_of_another_client_is_not_there(two: World, museum: Organization) -> None:
    asked = two.ask()
    with organization_scope(museum), pytest.raises(Approval.DoesNotExist):
        approval_approve(approval_id=asked.pk, decider=Decider(two.reviewer))


def test_ask_changes_makes_a_draft_that_says_why(world: World) -> None:
    link = world.client_link()

    approval_ask_changes(approval_id=link.pk, decider=CLARA_SAYS, text="The price is old")

    link.refresh_from_db()
    campaign = world.stored()
    assert (link.state, link.answer) == (ApprovalState.CHANGES, "The price is old")
    assert campaign.status == S.DRAFT and campaign.problem == "Clara Client asked for changes: The price is old"
    with pytest.raises(CampaignNotReady, match="asks for approval"):
        campaign_send_now(campaign_id=campaign.pk)


def test_ask_changes_without_a_word_needs_a_comment(world: World) -> None:
    link = world.client_link()
    with pytest.raises(CommentRefused):
        approval_ask_changes(approval_id=link.pk, decider=CLARA_SAYS, text="  ")
    approval_comment(approval_id=link.pk, decider=CLARA_SAYS, text="Here", spot=Spot("phone", 500, 20))
    approval_ask_changes(approval_id=link.pk, decider=CLARA_SAYS, text="")
    assert world.stored().status == S.DRAFT


def test_ask_again_with_nothing_edited_goes_to_whoever_has_not_agreed(world: World) -> None:
    link = world.client_link()
    approval_ask_changes(approval_id=link.pk, decider=CLARA_SAYS, text="Is the price right?")

    again = world.ask(note="Yes, it is")

    assert (again.stage, again.state) == (ApprovalStage.CLIENT, ApprovalState.OPEN)
    approval_approve(approval_id=again.pk, decider=CLARA_SAYS)
    assert world.stored().status == S.APPROVED


def test_comment_keeps_its_spot_within_the_mail(world: World) -> None:
    link = world.client_link()
    approval_comment(approval_id=link.pk, decider=CLARA_SAYS, text=" Here ", spot=Spot("desktop", 5_000, -3))
    approval_comment(approval_id=link.pk, decider=Decider(world.author), text="Thank you")
    first, second = ApprovalComment.objects.order_by("id")
    assert (first.text, first.author_name, first.view, first.x, first.y) == ("Here", "Clara Client", "desktop", 1000, 0)
    assert (second.author, second.x) == (world.author, None)


@pytest.mark.parametrize(("name", "text"), [("", "Hi"), ("Clara", " "), ("Clara", "x" * 2_001), ("x" * 101, "Hi")])
def test_comment_without_name_or_text_or_too_long_is_refused(world: World, name: str, text: str) -> None:
    link = world.client_link()
    with pytest.raises(CommentRefused):
        approval_comment(approval_id=link.pk, decider=Decider(name=name), text=text)
    assert not ApprovalComment.objects.exists()


def test_comment_past_the_limit_is_refused(world: World) -> None:
    link = world.client_link()
    for number in range(MOST_COMMENTS):
        approval_comment(approval_id=link.pk, decider=CLARA_SAYS, text=str(number))
    with pytest.raises(CommentRefused, match="50 comments"):
        approval_comment(approval_id=link.pk, decider=CLARA_SAYS, text="one more")


def test_comment_on_what_is_answered_is_refused(two: World) -> None:
    asked = two.ask()
    approval_approve(approval_id=asked.pk, decider=Decider(two.reviewer))
    with pytest.raises(AlreadyAnswered):
        approval_comment(approval_id=asked.pk, decider=Decider(two.author), text="too late")


def test_withdraw_ends_review_and_link(world: World) -> None:
    link = world.client_link()

    approval_withdraw(campaign_id=world.campaign.pk, by=world.author)

    link.refresh_from_db()
    assert link.state == ApprovalState.WITHDRAWN and link.mail_due_at is None
    assert world.stored().status == S.DRAFT
    with pytest.raises(AlreadyAnswered, match="withdrawn"):
        approval_approve(approval_id=link.pk, decider=CLARA_SAYS)
    with pytest.raises(ApprovalRefused):
        approval_withdraw(campaign_id=world.campaign.pk, by=world.author)


def test_withdraw_of_an_approved_campaign_takes_the_approval_away(two: World) -> None:
    two.approve()
    approval_withdraw(campaign_id=two.campaign.pk, by=two.author)
    assert not Approval.objects.filter(state=ApprovalState.APPROVED).exists()
    with pytest.raises(CampaignNotReady):
        campaign_send_now(campaign_id=two.campaign.pk)


def test_remind_mails_again_and_the_time_begins_anew(world: World) -> None:
    link = world.client_link()
    Approval.objects.filter(pk=link.pk).update(mail_due_at=None, mailed_at=timezone.now(), mail_attempts=3)

    reminded = approval_remind(approval_id=link.pk, by=world.author)

    assert reminded.mail_due_at is not None and reminded.reminded_at is not None and reminded.mail_attempts == 0
    assert reminded.expires_at is not None and link.expires_at is not None
    assert reminded.expires_at >= link.expires_at


def test_remind_without_an_address_is_refused(world: World) -> None:
    world.ask(approver_email="")
    link = world.agree()
    with pytest.raises(ApprovalRefused, match="copy the link"):
        approval_remind(approval_id=link.pk, by=world.author)


def test_recheck_of_an_approved_campaign_that_was_edited_makes_a_draft(two: World) -> None:
    two.approve()
    template = two.campaign.template
    template.html = template.html.replace("Hello", "Good day")
    template.save()

    assert approval_recheck(campaign_id=two.campaign.pk) == ["html", "text"]

    campaign = two.stored()
    assert campaign.status == S.DRAFT and "HTML" in campaign.problem
    assert Approval.objects.get().state == ApprovalState.REVOKED
    assert approval_recheck(campaign_id=two.campaign.pk) == []


def test_recheck_of_what_is_untouched_changes_nothing(two: World) -> None:
    two.approve()
    Campaign.objects.filter(pk=two.campaign.pk).update(name="Another name", throttle_per_hour=100)
    assert approval_recheck(campaign_id=two.campaign.pk) == []
    assert two.stored().status == S.APPROVED


def test_recheck_when_the_rule_became_stricter_makes_a_draft(two: World) -> None:
    two.approve()
    two.organization.approval_policy = ApprovalPolicy.CLIENT
    two.organization.save()
    approval_recheck(campaign_id=two.campaign.pk)
    assert two.stored().status == S.DRAFT
    again = two.ask()
    assert again.stage == ApprovalStage.CLIENT


def test_recheck_of_a_planned_campaign_gives_the_reserved_mails_back(two: World) -> None:
    two.approve()
    campaign_send_now(campaign_id=two.campaign.pk)
    Campaign.objects.filter(pk=two.campaign.pk).update(from_name="Somebody else")
    assert approval_recheck(campaign_id=two.campaign.pk) == ["sender"]
    campaign = two.stored()
    assert (campaign.status, campaign.emails_reserved, campaign.scheduled_at) == (S.DRAFT, 0, None)


def test_check_finds_edits_expires_and_reminds_once(world: World) -> None:
    link = world.client_link()
    Approval.objects.filter(pk=link.pk).update(
        mail_due_at=None, mailed_at=timezone.now() - datetime.timedelta(days=2, hours=1)
    )
    with all_organizations(reason="the periodic job"):
        assert approvals_check() == {"revoked": 0, "expired": 0, "reminded": 1}
        Approval.objects.filter(pk=link.pk).update(mail_due_at=None)
        assert approvals_check() == {"revoked": 0, "expired": 0, "reminded": 0}
        Approval.objects.filter(pk=link.pk).update(expires_at=timezone.now())
        assert approvals_check() == {"revoked": 0, "expired": 1, "reminded": 0}
    campaign = world.stored()
    assert campaign.status == S.DRAFT and "did not answer within 14 days" in campaign.problem
    link.refresh_from_db()
    assert link.state == ApprovalState.EXPIRED


def test_check_after_a_cancel_closes_the_link(world: World) -> None:
    link = world.client_link()
    campaign_cancel(campaign_id=world.campaign.pk)
    with pytest.raises(AlreadyAnswered, match="withdrawn"):
        approval_approve(approval_id=link.pk, decider=CLARA_SAYS)
    with all_organizations(reason="the periodic job"):
        approvals_check()
    link.refresh_from_db()
    assert link.state == ApprovalState.WITHDRAWN
