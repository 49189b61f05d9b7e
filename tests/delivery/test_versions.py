"""Fix and continue through the pipeline: who gets which version, and what they are shown afterwards."""

from dataclasses import replace
from typing import Any

import pytest

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignLink, CampaignSnapshot
from core.campaigns.services import campaign_pause, campaign_resume
from core.campaigns.versions import Correction, campaign_fix, current_version, editable
from core.delivery import outcomes
from core.delivery.claim import hand_back
from core.delivery.dispatch import dispatch
from core.delivery.intent import commit_intent
from core.delivery.models import DeliveryBatch, Message, MessageValues, SandboxMail
from core.delivery.queries import rendered_mail
from core.delivery.rendering import campaign_mail
from core.delivery.standing import standing, versions
from core.delivery.states import SendState
from core.delivery.transports.registry import transports
from tests.delivery.ledger import batches_of, claimed, run_sweep, run_work, sending_campaign, states
from tests.support import factories

pytestmark = pytest.mark.usefixtures("ledger")

WRONG = factories.HTML.replace("Offer</a>", "50 % off</a>")


def fix(campaign: Campaign, **changes: Any) -> Campaign:
    """Correct a paused campaign; what is not named stays."""
    campaign = Campaign.objects.get(pk=campaign.pk)
    version = current_version(campaign)
    assert version is not None
    return campaign_fix(
        campaign_id=campaign.pk, version=campaign.version, correction=replace(correction_of(campaign), **changes)
    )


def correction_of(campaign: Campaign) -> Correction:
    version = current_version(Campaign.objects.get(pk=campaign.pk))
    assert version is not None
    return editable(version)


def half_sent(organization: Organization, people: int = 4, *, size: int = 2) -> Campaign:
    """A campaign of which the first batch is out, paused."""
    batches_of(size, organization)
    campaign = sending_campaign(organization, people)
    dispatch(claimed())
    campaign_pause(campaign_id=campaign.pk)
    return campaign


def test_fix_sends_the_corrected_version_to_the_rest_only(in_florist: Organization) -> None:
    campaign = half_sent(in_florist)
    had = set(Message.objects.filter(send_state=SendState.ACCEPTED).values_list("pk", flat=True))

    fix(campaign, subject="Corrected")
    run_work()
    run_sweep()

    assert states(campaign) == {"accepted": 4}
    subjects = {message.pk: rendered_mail(message.pk).subject for message in Message.objects.all()}
    assert {subjects[pk] for pk in had} == {"News from Florist"}
    assert {subject for pk, subject in subjects.items() if pk not in had} == {"Corrected"}
    assert SandboxMail.objects.count() == 4
    assert Campaign.objects.get(pk=campaign.pk).status == "sent"


@pytest.mark.django_db(transaction=True)  # the clock stands still inside a transaction
def test_fix_counts_the_people_of_each_version(in_florist: Organization) -> None:
    campaign = half_sent(in_florist, 7, size=3)
    fix(campaign, subject="Corrected")
    run_work()
    campaign.refresh_from_db()
    first, second = CampaignSnapshot.objects.order_by("revision")
    uses = versions(campaign)
    assert (uses[first.pk].people, uses[second.pk].people) == (3, 4)
    assert uses[first.pk].last_at < uses[second.pk].first_at  # type: ignore[operator]
    assert (standing(campaign).had, standing(campaign).waiting) == (7, 0)


@pytest.mark.django_db(transaction=True)  # the clock stands still inside a transaction
def test_fix_in_the_middle_of_a_batch_counts_mail_by_mail(in_florist: Organization) -> None:
    batches_of(5, in_florist)
    campaign = sending_campaign(in_florist, 5)
    claim = claimed()
    mail = campaign_mail(campaign.pk)
    intent = commit_intent(claim, mail, limit=2)
    assert intent is not None
    answers = transports.get(claim.connection_id, claim.connection_changed_at).send(mail.content, intent.recipients)
    outcomes.record(claim, intent.attempt_id, answers, {})
    campaign_pause(campaign_id=campaign.pk)
    assert commit_intent(claim, mail, after=intent.last) is None
    fix(campaign, subject="Corrected")
    # The worker that went to sleep wakes up with the old content in its hands, and the campaign goes on.
    assert commit_intent(claim, mail, after=intent.last) is None
    assert hand_back(claim)
    run_work()
    campaign.refresh_from_db()
    assert sorted(use.people for use in versions(campaign).values()) == [2, 3]
    assert states(campaign) == {"accepted": 5}


def test_fix_numbers_new_links_behind_the_old_ones(in_florist: Organization) -> None:
    campaign = half_sent(in_florist)
    before = list(CampaignLink.objects.order_by("number").values_list("number", "url"))
    wanted = correction_of(campaign).html.replace("https://shop.example/offer?a=1", "https://shop.example/right?a=1")
    fix(campaign, html=wanted)
    run_work()
    links = dict(CampaignLink.objects.order_by("number").values_list("number", "url"))
    assert list(links.items())[: len(before)] == before
    new = CampaignSnapshot.objects.get(revision=2)
    assert "link.1 " not in new.html
    assert "https://shop.example/right?a=1&b=2" in [url for number, url in links.items() if number > len(before)]


def test_editable_round_trip_is_the_same_mail(in_florist: Organization) -> None:
    campaign = half_sent(in_florist)
    with pytest.raises(Exception, match="Nothing was changed"):
        fix(campaign)
    fix(campaign, subject="Corrected")
    first, second = CampaignSnapshot.objects.order_by("revision")
    shift = CampaignLink.objects.filter(campaign=campaign).count() // 2
    renumbered = first.html
    for number in range(shift, 0, -1):
        renumbered = renumbered.replace(f"link.{number} ", f"link.{number + shift} ")
    assert second.html == renumbered
    assert second.text.replace(str(shift + 1), "1") == first.text.replace(str(shift + 1), "1")


def test_mail_in_doubt_keeps_its_version_and_is_not_sent_again(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 2)
    claim = claimed()
    commit_intent(claim, campaign_mail(campaign.pk), limit=1)
    DeliveryBatch.objects.update(lease_until="2020-01-01T00:00Z")
    run_sweep()
    campaign_pause(campaign_id=campaign.pk)
    assert standing(campaign).in_doubt == 1
    fix(campaign, subject="Corrected")
    run_work()
    doubtful = Message.objects.get(send_state=SendState.UNCERTAIN)
    assert rendered_mail(doubtful.pk).subject == "News from Florist"
    assert SandboxMail.objects.count() == 1


def test_resume_without_a_fix_sends_the_first_version(in_florist: Organization) -> None:
    campaign = half_sent(in_florist)
    campaign_resume(campaign_id=campaign.pk)
    run_work()
    assert MessageValues.objects.values("snapshot_id").distinct().count() == 1
    assert states(campaign) == {"accepted": 4}
