"""A correction of a campaign on its way, with a client that agrees itself: no path leads around its answer."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import Organization, User
from core.campaigns.approvals.errors import AlreadyAnswered, ApprovalMissing, ApprovalRefused, LinkExpired, NotYours
from core.campaigns.approvals.links import approval_path
from core.campaigns.approvals.mails import approval_mails_claim
from core.campaigns.approvals.queries import waiting_for_client
from core.campaigns.approvals.services import (
    Decider,
    approval_approve,
    approval_ask_changes,
    approval_remind,
    approvals_check,
    correction_ask_client,
)
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition, NeedsSecondPerson
from core.campaigns.models import Approval, Campaign, CampaignSnapshot
from core.campaigns.services import campaign_cancel, campaign_pause, campaign_resume, campaign_stop
from core.campaigns.states import ApprovalStage, ApprovalState
from core.campaigns.versions import (
    campaign_fix,
    correction_release,
    correction_withdraw,
    current_version,
    editable,
    waiting_correction,
)
from core.common.request_context import request_context
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.dispatch import dispatch
from core.delivery.models import Message
from core.delivery.queries import rendered_mail
from core.delivery.states import SendState
from tests.campaigns.test_races import at_once
from tests.delivery.ledger import batches_of, claimed, run_sweep, run_work, sending_campaign
from tests.support import factories

CLARA = Decider(name="Clara Client")
OLD, NEW = "News from Florist", "Corrected"


@dataclass
class Case:
    """A campaign of four, two of whom have it, paused; its correction written by one of the team."""

    organization: Organization
    campaign: Campaign
    author: User
    second: User

    def stored(self) -> Campaign:
        return Campaign.objects.select_related("organization", "template").get(pk=self.campaign.pk)

    def waiting(self) -> CampaignSnapshot:
        found = waiting_correction(self.stored())
        assert found is not None
        return found

    def fix(self, by: User | None = None, variant: int = 0, **changes: str) -> None:
        campaign = self.stored()
        before = current_version(campaign, variant)
        assert before is not None
        with request_context(actor_id=(by or self.author).pk):
            correction = replace(editable(before), **(changes or {"subject": NEW}))
            campaign_fix(
                campaign_id=campaign.pk, version=campaign.version, correction=correction, variant=variant, note="Oops"
            )

    def ask(self, by: User | None = None) -> Approval:
        return correction_ask_client(campaign_id=self.campaign.pk, snapshot_id=self.waiting().pk, by=by or self.second)

    def agree(self) -> Approval:
        return approval_approve(approval_id=self.ask().pk, decider=CLARA)

    def release(self, by: User | None = None, snapshot: CampaignSnapshot | None = None) -> Campaign:
        with request_context(actor_id=(by or self.second).pk):
            return correction_release(campaign_id=self.campaign.pk, snapshot_id=(snapshot or self.waiting()).pk)

    def request(self) -> Approval:
        return Approval.objects.filter(campaign=self.campaign).latest("id")

    def subjects(self) -> list[str]:
        """What everybody had, in the order in which they got it."""
        run_work()
        run_sweep()
        had = Message.objects.filter(campaign=self.campaign, send_state=SendState.ACCEPTED).order_by(
            "accepted_at", "id"
        )
        return [rendered_mail(pk).subject for pk in had.order_by("accepted_at", "id").values_list("pk", flat=True)]


def make_case(organization: Organization, policy: ApprovalPolicy = ApprovalPolicy.CLIENT) -> Case:
    batches_of(2, organization)
    campaign = sending_campaign(organization, 4)
    dispatch(claimed())
    campaign_pause(campaign_id=campaign.pk)
    organization.approval_policy, organization.approver_email = policy, "clara@client.example"
    organization.approver_name = "Clara Client"
    organization.save()
    author, second = (factories.make_user(Role.MANAGER, organization, full_name=name) for name in ("Ada", "Rita"))
    return Case(organization, campaign, author, second)


@pytest.fixture
def case(in_florist: Organization) -> Case:
    return make_case(in_florist)


@pytest.fixture
def fixed(case: Case) -> Case:
    case.fix()
    return case


# --- The way it is meant to go ---------------------------------------------------------------------------------------


def test_correction_goes_to_a_second_person_then_to_the_client_then_out(fixed: Case) -> None:
    asked = fixed.ask()
    assert (asked.stage, asked.revision, asked.asked_by) == (ApprovalStage.CLIENT, 2, fixed.second)
    assert (asked.approver_email, asked.note, asked.mail_due_at is not None) == ("clara@client.example", "Oops", True)
    assert waiting_for_client([fixed.organization.pk]) == {fixed.organization.pk: 1}
    assert fixed.subjects() == [OLD, OLD]
    approval_approve(approval_id=asked.pk, decider=CLARA)
    assert fixed.stored().status == "paused", "a link moves no mails"
    assert fixed.subjects() == [OLD, OLD]
    released = fixed.release(fixed.author)
    assert (released.status, released.content_revision) == ("sending", 2)
    assert fixed.subjects() == [OLD, OLD, NEW, NEW]
    assert fixed.request().state == ApprovalState.APPROVED


def test_two_person_rule_asks_no_client(in_florist: Organization) -> None:
    case = make_case(in_florist, ApprovalPolicy.TWO_PERSON)
    case.fix()
    with pytest.raises(ApprovalRefused, match="no approval by the client"):
        case.ask()
    with pytest.raises(NeedsSecondPerson):
        case.release(case.author)
    case.release()
    assert case.subjects() == [OLD, OLD, NEW, NEW]


def test_client_who_approved_the_campaign_is_asked_again(fixed: Case) -> None:
    Approval.objects.create(
        organization=fixed.organization,
        campaign=fixed.campaign,
        stage=ApprovalStage.CLIENT,
        state=ApprovalState.APPROVED,
        approver_name="Carl",
        approver_email="carl@client.example",
        language="es",
        content_hash="x",
    )
    asked = fixed.ask()
    assert (asked.approver_name, asked.approver_email, asked.language) == ("Carl", "carl@client.example", "es")


# --- Around the answer -----------------------------------------------------------------------------------------------


def test_release_without_the_clients_answer_is_refused_to_everybody(fixed: Case) -> None:
    for person in (fixed.author, fixed.second, factories.make_user(is_superuser=True)):
        with pytest.raises(ApprovalMissing):
            fixed.release(person)
    fixed.ask()
    with pytest.raises(ApprovalMissing):
        fixed.release()
    assert (fixed.stored().status, fixed.stored().content_revision) == ("paused", 1)
    assert fixed.subjects() == [OLD, OLD]


def test_author_and_people_who_may_not_send_cannot_hand_it_on(fixed: Case) -> None:
    viewer = factories.make_user(Role.VIEWER, fixed.organization)
    stranger = factories.make_user(Role.OWNER, factories.make_organization("Elsewhere"))
    for person in (fixed.author, viewer, stranger):
        with pytest.raises(NotYours):
            fixed.ask(person)
    assert not Approval.objects.exists()


def test_superuser_who_wrote_it_is_bound_as_well(case: Case) -> None:
    root = factories.make_user(is_superuser=True)
    case.fix(by=root)
    with pytest.raises(NotYours):
        case.ask(root)


def test_approval_of_the_campaign_itself_is_none_of_its_correction(fixed: Case) -> None:
    """Not even one with the hash of the correction: what was asked is part of what was agreed to."""
    asked = fixed.agree()
    Approval.objects.filter(pk=asked.pk).update(revision=0)
    with pytest.raises(ApprovalMissing):
        fixed.release()
    Approval.objects.filter(pk=asked.pk).update(revision=2, stage=ApprovalStage.INTERNAL)
    with pytest.raises(ApprovalMissing):
        fixed.release()


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Another"},
        {"html": "<p>Another</p>"},
        {"text": "Another"},
        {"from_name": "Another"},
        {"reply_to": "another@x.example"},
        {"waiting_links": ["https://evil.example/"]},
        {"organization_values": {"organization.postal_address": "Another"}},
    ],
)
def test_row_changed_behind_the_approval_goes_to_nobody(fixed: Case, changes: dict[str, Any]) -> None:
    asked = fixed.ask()
    CampaignSnapshot.objects.filter(pk=fixed.waiting().pk).update(**changes)
    with pytest.raises(Exception, match="edited"):
        approval_approve(approval_id=asked.pk, decider=CLARA)
    assert fixed.request().state == ApprovalState.REVOKED
    CampaignSnapshot.objects.filter(pk=fixed.waiting().pk).update(subject=NEW)


def test_row_changed_after_the_approval_goes_to_nobody(fixed: Case) -> None:
    fixed.agree()
    CampaignSnapshot.objects.filter(pk=fixed.waiting().pk).update(html="<p>Another</p>")
    with pytest.raises(ApprovalMissing):
        fixed.release()


def test_edit_after_approval_revokes_it_and_asks_anew(fixed: Case) -> None:
    agreed = fixed.agree()
    approved = fixed.waiting()
    fixed.fix(subject="Corrected again")
    assert Approval.objects.get(pk=agreed.pk).state == ApprovalState.REVOKED
    with pytest.raises(ApprovalMissing):
        fixed.release()
    with pytest.raises(ChangedMeanwhile):
        fixed.release(snapshot=approved)
    fixed.agree()
    fixed.release()
    assert fixed.subjects() == [OLD, OLD, "Corrected again", "Corrected again"]


def test_same_words_written_again_are_asked_again(fixed: Case) -> None:
    fixed.agree()
    fixed.fix()
    with pytest.raises(ApprovalMissing):
        fixed.release()


def test_resume_sends_the_old_version_and_takes_the_question_back(fixed: Case) -> None:
    asked = fixed.ask()
    campaign_resume(campaign_id=fixed.campaign.pk)
    assert fixed.request().state == ApprovalState.WITHDRAWN
    with pytest.raises(AlreadyAnswered):
        approval_approve(approval_id=asked.pk, decider=CLARA)
    with pytest.raises(IllegalTransition):
        fixed.release()
    assert fixed.subjects() == [OLD] * 4


def test_resume_after_approval_still_sends_the_old_version(fixed: Case) -> None:
    fixed.agree()
    campaign_resume(campaign_id=fixed.campaign.pk)
    assert fixed.subjects() == [OLD] * 4


def test_withdraw_is_the_way_out_in_an_emergency(fixed: Case) -> None:
    asked = fixed.ask()
    correction_withdraw(campaign_id=fixed.campaign.pk, snapshot_id=fixed.waiting().pk)
    assert (fixed.stored().status, fixed.request().state) == ("paused", ApprovalState.WITHDRAWN)
    with pytest.raises(AlreadyAnswered):
        approval_approve(approval_id=asked.pk, decider=CLARA)
    campaign_resume(campaign_id=fixed.campaign.pk)
    assert fixed.subjects() == [OLD] * 4


def test_cancel_takes_the_question_back(fixed: Case) -> None:
    asked = fixed.ask()
    campaign_cancel(campaign_id=fixed.campaign.pk)
    assert fixed.request().state == ApprovalState.WITHDRAWN
    with pytest.raises(AlreadyAnswered):
        approval_approve(approval_id=asked.pk, decider=CLARA)
    run_sweep()
    assert fixed.subjects() == [OLD, OLD]


def test_answer_after_an_emergency_stop_moves_nothing(fixed: Case) -> None:
    asked = fixed.ask()
    with pytest.raises(IllegalTransition):
        campaign_stop(campaign_id=fixed.campaign.pk)
    approval_approve(approval_id=asked.pk, decider=CLARA)
    assert fixed.subjects() == [OLD, OLD]


def test_changes_asked_for_keep_it_back_until_the_client_says_yes(fixed: Case) -> None:
    approval_ask_changes(approval_id=fixed.ask().pk, decider=CLARA, text="The date is wrong")
    assert (fixed.stored().status, fixed.stored().problem) == ("paused", "")
    with pytest.raises(ApprovalMissing):
        fixed.release()
    with pytest.raises(AlreadyAnswered):
        approval_approve(approval_id=fixed.request().pk, decider=CLARA)
    fixed.agree()
    fixed.release()
    assert fixed.subjects() == [OLD, OLD, NEW, NEW]


def test_last_word_counts(fixed: Case) -> None:
    fixed.agree()
    Approval.objects.create(
        organization=fixed.organization,
        campaign=fixed.campaign,
        stage=ApprovalStage.CLIENT,
        state=ApprovalState.CHANGES,
        revision=2,
        content_hash=fixed.request().content_hash,
    )
    with pytest.raises(ApprovalMissing):
        fixed.release()


def test_asking_twice_and_asking_after_a_yes_is_refused(fixed: Case) -> None:
    fixed.ask()
    with pytest.raises(ApprovalRefused, match="asked already"):
        fixed.ask()
    approval_approve(approval_id=fixed.request().pk, decider=CLARA)
    with pytest.raises(ApprovalRefused, match="agreed"):
        fixed.ask()


def test_rule_made_stricter_while_it_waits_counts(in_florist: Organization) -> None:
    case = make_case(in_florist, ApprovalPolicy.TWO_PERSON)
    case.fix()
    Organization.objects.filter(pk=in_florist.pk).update(approval_policy=ApprovalPolicy.CLIENT)
    with pytest.raises(ApprovalMissing):
        case.release()
    case.agree()
    case.release()


def test_expired_link_answers_nothing_and_can_be_asked_again(fixed: Case) -> None:
    asked = fixed.ask()
    Approval.objects.filter(pk=asked.pk).update(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    with pytest.raises(LinkExpired):
        approval_approve(approval_id=asked.pk, decider=CLARA)
    with all_organizations(reason="the periodic look"):
        assert approvals_check()["expired"] == 1
    assert (fixed.request().state, fixed.stored().status) == (ApprovalState.EXPIRED, "paused")
    fixed.agree()
    fixed.release()


def test_mail_is_due_reminded_once_and_no_longer_when_it_was_taken_back(fixed: Case) -> None:
    def claim() -> int:
        lease = datetime.timedelta(minutes=1)
        return len(approval_mails_claim(organization_id=fixed.organization.pk, limit=5, lease=lease))

    asked = fixed.ask()
    assert (claim(), claim()) == (1, 0)
    long_ago = timezone.now() - datetime.timedelta(days=3)
    Approval.objects.filter(pk=asked.pk).update(mailed_at=long_ago, mail_due_at=None)
    with all_organizations(reason="the periodic look"):
        assert approvals_check()["reminded"] == 1
        assert approvals_check()["reminded"] == 0
    campaign_resume(campaign_id=fixed.campaign.pk)
    assert claim() == 0
    with pytest.raises(AlreadyAnswered):
        approval_remind(approval_id=asked.pk, by=fixed.second)


def test_periodic_look_closes_what_nobody_can_answer(fixed: Case) -> None:
    asked = fixed.ask()
    CampaignSnapshot.objects.filter(pk=fixed.waiting().pk).delete()
    with all_organizations(reason="the periodic look"):
        approvals_check()
    assert Approval.objects.get(pk=asked.pk).state == ApprovalState.REVOKED


# --- The client's page -----------------------------------------------------------------------------------------------


@pytest.fixture
def visitor() -> Client:
    return Client(enforce_csrf_checks=True)


def test_page_shows_the_correction_and_who_has_not_had_it(fixed: Case, visitor: Client) -> None:
    link = approval_path(fixed.ask())
    answer = visitor.get(link)
    page = answer.content.decode()
    assert answer.status_code == 200
    for words in (NEW, "stopped on its way and corrected", "2 people who have not had it yet", "Oops", "Rita"):
        assert words in page, words
    assert OLD not in page
    mail = visitor.get(f"{link}/mail/0").content.decode()
    assert "https://shop.example/offer" in mail
    assert "/o/" not in mail
    assert visitor.get(f"{link}/mail/1").status_code == 404


def test_page_answers_are_kept_and_move_no_mail(fixed: Case, visitor: Client) -> None:
    link = approval_path(fixed.ask())
    for method in (visitor.get, visitor.head):
        method(link)
    assert fixed.request().state == ApprovalState.OPEN
    assert visitor.post(link, {"action": "approve", "name": "Clara"}).status_code == 303
    assert (fixed.request().state, fixed.request().decided_by_name) == (ApprovalState.APPROVED, "Clara")
    assert "Approved" in visitor.get(link).content.decode()
    assert visitor.post(link, {"action": "changes", "name": "Eve", "text": "no"}).status_code == 409
    assert fixed.subjects() == [OLD, OLD]


def test_page_of_a_correction_that_was_replaced_says_so(fixed: Case, visitor: Client) -> None:
    link = approval_path(fixed.ask())
    fixed.fix(subject="Secret plans")
    page = visitor.get(link)
    assert "was edited" in page.content.decode()
    assert "Secret plans" not in page.content.decode()
    assert visitor.get(f"{link}/mail/0").status_code == 404
    assert visitor.post(link, {"action": "approve", "name": "Clara"}).status_code == 409


# --- The campaign's page ---------------------------------------------------------------------------------------------


def shown(browser: Client, case: Case) -> str:
    page = browser.get(reverse("admin:campaigns_campaign_change", args=[case.campaign.pk]))
    return page.content.decode()


def test_campaign_page_says_for_whom_it_waits_and_offers_the_next_step(
    fixed: Case, signed_in: Callable[[User], Client]
) -> None:
    author, second = signed_in(fixed.author), signed_in(fixed.second)
    release = reverse("admin:campaigns_campaign_release_correction", args=[fixed.campaign.pk, fixed.waiting().pk])
    assert "waits for a second person" in shown(author, fixed)
    assert "Hand it to the client" not in shown(author, fixed)
    assert "You wrote this correction" in author.get(release).content.decode()
    author.post(release, {"_confirmed": "1"})
    assert not Approval.objects.exists()
    assert "Hand it to the client" in shown(second, fixed)
    asked = second.get(release).content.decode()
    assert "clara@client.example" in asked and "stays paused" in asked
    second.post(release, {"_confirmed": "1"})
    waiting = shown(author, fixed)
    assert "A correction waits for Clara Client" in waiting and "Remind the client" in waiting
    assert approval_path(fixed.request()) in waiting
    approval_approve(approval_id=fixed.request().pk, decider=CLARA)
    agreed = shown(author, fixed)
    assert "The client approved the correction" in agreed and "Continue with the correction" in agreed
    author.post(release, {"_confirmed": "1"})
    assert fixed.stored().content_revision == 2


def test_resume_page_says_what_becomes_of_the_correction(fixed: Case, signed_in: Callable[[User], Client]) -> None:
    page = signed_in(fixed.second).get(reverse("admin:campaigns_campaign_resume", args=[fixed.campaign.pk]))
    assert "they get the version that went out before" in page.content.decode()


def test_review_page_shows_the_correction_and_leaves_the_answer_to_the_client(
    fixed: Case, signed_in: Callable[[User], Client]
) -> None:
    asked = fixed.ask()
    page = signed_in(fixed.second).get(reverse("admin:campaigns_approval_change", args=[asked.pk])).content.decode()
    assert NEW in page and "client&#x27;s to answer" in page
    signed_in(fixed.second).post(reverse("admin:campaigns_approval_approve", args=[asked.pk]), {"_confirmed": "1"})
    assert fixed.request().state == ApprovalState.OPEN


# --- Two at once -----------------------------------------------------------------------------------------------------


def racing(florist: Organization) -> Case:
    case = make_case(florist)
    case.fix()
    return case


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_two_ask_at_once_one_link(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        case = racing(florist)
        other = factories.make_user(Role.ADMIN, florist)
        raised = at_once(florist, case.ask, lambda: case.ask(other))
        assert [type(error) for error in raised] == [ApprovalRefused]
        assert Approval.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_edit_at_the_moment_of_approving_leaves_nothing_approved_but_what_was_seen(
    florist: Organization, turn: int
) -> None:
    with organization_scope(florist):
        case = racing(florist)
        asked = case.ask()
        at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=CLARA),
            lambda: case.fix(subject="Something else"),
        )
        assert Approval.objects.get(pk=asked.pk).state == ApprovalState.REVOKED
        with pytest.raises(ApprovalMissing):
            case.release()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_edit_at_the_moment_of_going_on_one_of_the_two(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        case = racing(florist)
        case.agree()
        approved = case.waiting()
        raised = at_once(florist, lambda: case.release(snapshot=approved), lambda: case.fix(subject="Something else"))
        assert len(raised) == 1
        campaign = case.stored()
        if campaign.status == "sending":
            current = current_version(campaign)
            assert current is not None and (current.revision, current.subject) == (2, NEW)
        else:
            assert (campaign.content_revision, case.waiting().subject) == (1, "Something else")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3))
def test_approval_at_the_moment_of_resuming_sends_the_old_version(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        case = racing(florist)
        asked = case.ask()
        at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=CLARA),
            lambda: campaign_resume(campaign_id=case.campaign.pk),
        )
        assert (case.stored().status, case.stored().content_revision) == ("sending", 1)
        assert Approval.objects.get(pk=asked.pk).state in (ApprovalState.APPROVED, ApprovalState.WITHDRAWN)
        assert case.subjects() == [OLD] * 4
