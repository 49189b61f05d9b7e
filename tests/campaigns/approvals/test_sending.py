"""Nothing leaves but what was agreed to: at the press of the button, at the planned time, whatever was edited."""

from collections.abc import Callable

import pytest

from core.accounts.choices import ApprovalPolicy
from core.accounts.models import Organization
from core.campaigns.approvals.errors import ApprovalMissing
from core.campaigns.approvals.hashing import campaign_fingerprint, campaign_hash, changed_parts, frozen_hash
from core.campaigns.approvals.services import approval_recheck
from core.campaigns.errors import CampaignNotReady
from core.campaigns.models import (
    ABTest,
    Campaign,
    CampaignGroup,
    CampaignSegment,
    CampaignSnapshot,
    CampaignVariant,
)
from core.campaigns.preflight import campaign_problems
from core.campaigns.services import (
    campaign_begin,
    campaign_send_now,
    campaign_set_groups,
    campaign_set_segments,
    campaign_unschedule,
)
from core.campaigns.states import CampaignStatus
from core.contacts.models import Contact, ContactGroupMembership, Segment
from core.delivery.materialise import materialise_campaign
from core.email_templates.models import EmailTemplate
from tests.campaigns.approvals.world import World, make_world
from tests.support import factories

S = CampaignStatus
Edit = Callable[[World], None]
RULE = {"all": [{"field": "first_name", "is": "is", "value": "Ada"}]}
OTHER_RULE = {"all": [{"field": "first_name", "is": "is", "value": "Bea"}]}


@pytest.fixture
def two(in_florist: Organization) -> World:
    """With a segment left out and an A/B test, so that there is something of everything to edit."""
    world = make_world(in_florist, ApprovalPolicy.TWO_PERSON, people=20)
    segment = Segment.objects.create(organization=in_florist, name="Ada", rule=RULE)
    CampaignSegment.objects.create(organization=in_florist, campaign=world.campaign, segment=segment, is_excluded=True)
    ABTest.objects.create(organization=in_florist, campaign=world.campaign)
    for number in (1, 2):
        CampaignVariant.objects.create(
            organization=in_florist, campaign=world.campaign, number=number, subject=f"Subject {number}"
        )
    return world


def field(**values: str) -> Edit:
    return lambda world: Campaign.objects.filter(pk=world.campaign.pk).update(**values) and None


def template(**values: str) -> Edit:
    return lambda world: EmailTemplate.objects.filter(pk=world.campaign.template_id).update(**values) and None


def variant(**values: str) -> Edit:
    return lambda world: CampaignVariant.objects.filter(number=2).update(**values) and None


def other_group(world: World) -> None:
    group = factories.make_group(world.organization, "Others", [factories.make_contact(world.organization)])
    campaign_set_groups(campaign=world.campaign, include_ids=[group.pk], exclude_ids=[])


def one_group_more(world: World) -> None:
    included = list(CampaignGroup.objects.values_list("group_id", flat=True))
    group = factories.make_group(world.organization, "Others")
    campaign_set_groups(campaign=world.campaign, include_ids=[*included, group.pk], exclude_ids=[])


def no_segment(world: World) -> None:
    campaign_set_segments(campaign=world.campaign, include_ids=[], exclude_ids=[])


def segment_included(world: World) -> None:
    campaign_set_segments(campaign=world.campaign, include_ids=[Segment.objects.get().pk], exclude_ids=[])


def other_template(world: World) -> None:
    Campaign.objects.filter(pk=world.campaign.pk).update(
        template=factories.make_template(world.organization, "Another", html=factories.HTML.replace("Hello", "Hi"))
    )


def one_variant_more(world: World) -> None:
    CampaignVariant.objects.create(organization=world.organization, campaign=world.campaign, number=3, subject="Third")


def no_test(world: World) -> None:
    CampaignVariant.objects.all().delete()
    ABTest.objects.all().delete()


EDITS: dict[str, tuple[Edit, str]] = {
    "preheader": (field(preheader="Read me first"), "preheader"),
    "sender name": (field(from_name="Somebody"), "sender"),
    "sender address": (field(from_email="other@florist.example"), "sender"),
    "reply address": (field(reply_to="reply@florist.example"), "reply_to"),
    "template's HTML": (template(html=factories.HTML.replace("Offer", "Discount")), "html"),
    "template's link": (template(html=factories.HTML.replace("a=1", "a=2")), "links"),
    "template's text": (template(text="Hello {{ system.unsubscribe_url }}"), "text"),
    "template's preheader": (template(preheader="News"), "preheader"),
    "another template": (other_template, "html"),
    "another group": (other_group, "audience"),
    "one more group": (one_group_more, "audience"),
    "no segment": (no_segment, "audience"),
    "segment on the other side": (segment_included, "audience"),
    "segment's rule": (lambda world: Segment.objects.update(rule=OTHER_RULE) and None, "audience"),
    "variant's subject": (variant(subject="Changed"), "subject"),
    "variant's preheader": (variant(preheader="Changed"), "preheader"),
    "variant's sender": (variant(from_name="Changed"), "sender"),
    "variant's address": (variant(from_email="changed@florist.example"), "sender"),
    "one more variant": (one_variant_more, "variants"),
    "no test": (no_test, "variants"),
    "client's address in the mail": (
        lambda world: (
            Organization.objects.filter(pk=world.organization.pk).update(postal_address="2 New Road") and None
        ),
        "client",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit_of_an_approved_campaign_cannot_be_sent(two: World, name: str) -> None:
    edit, part = EDITS[name]
    two.approve()
    before = campaign_fingerprint(two.stored())

    edit(two)

    now = campaign_fingerprint(two.stored())
    assert part in changed_parts(before.parts, now.parts)
    assert "needs_approval" in [problem.code for problem in campaign_problems(two.stored())]
    with pytest.raises(CampaignNotReady, match="asks for approval"):
        campaign_send_now(campaign_id=two.campaign.pk)
    assert part in approval_recheck(campaign_id=two.campaign.pk)
    assert two.stored().status == S.DRAFT
    with pytest.raises(CampaignNotReady, match="asks for approval"):
        campaign_send_now(campaign_id=two.campaign.pk)


@pytest.mark.parametrize("name", EDITS)
def test_edit_between_the_plan_and_its_time_is_not_started(two: World, name: str) -> None:
    two.approve()
    campaign_send_now(campaign_id=two.campaign.pk)
    EDITS[name][0](two)

    with pytest.raises((ApprovalMissing, CampaignNotReady)):
        campaign_begin(campaign_id=two.campaign.pk)

    assert two.stored().status == S.SCHEDULED
    assert not CampaignSnapshot.objects.exists()


def test_value_of_the_client_counts_however_its_tag_is_written(two: World) -> None:
    html = factories.HTML.replace("{{ organization.postal_address }}", "{{ organization&#46;postal_address }}")
    assert html != factories.HTML
    template(html=html, text="Hi {{ system.unsubscribe_url }}")(two)
    before = campaign_fingerprint(two.stored())
    Organization.objects.filter(pk=two.organization.pk).update(postal_address="2 New Road")
    assert changed_parts(before.parts, campaign_fingerprint(two.stored()).parts) == ["client"]


def test_edit_of_what_was_not_agreed_to_leaves_the_approval(two: World) -> None:
    two.approve()
    before = campaign_hash(two.stored())
    Campaign.objects.filter(pk=two.campaign.pk).update(name="New name", throttle_per_hour=5)
    Organization.objects.filter(pk=two.organization.pk).update(time_zone="Europe/Lisbon")
    group = CampaignGroup.objects.get().group
    group.name = "Renamed"
    group.save()
    ContactGroupMembership.objects.filter(contact=Contact.objects.first()).delete()

    assert campaign_hash(two.stored()) == before
    assert campaign_send_now(campaign_id=two.campaign.pk).status == S.SCHEDULED


def test_frozen_has_the_hash_that_was_approved(two: World) -> None:
    two.approve()
    approved = campaign_hash(two.stored())
    campaign_send_now(campaign_id=two.campaign.pk)
    campaign_begin(campaign_id=two.campaign.pk)
    assert frozen_hash(CampaignSnapshot.objects.filter(campaign=two.campaign)) == approved
    assert CampaignSnapshot.objects.count() == 2
    campaign_begin(campaign_id=two.campaign.pk)


def test_due_campaign_edited_since_ends_with_words_and_nobody_gets_it(two: World) -> None:
    two.approve()
    campaign_send_now(campaign_id=two.campaign.pk)
    EDITS["template's HTML"][0](two)

    assert materialise_campaign(campaign_id=two.campaign.pk).rows == 0

    campaign = two.stored()
    assert campaign.status == S.FAILED and "not what was approved" in campaign.problem
    assert campaign.emails_reserved == 0
    campaign_unschedule(campaign_id=campaign.pk)
    assert two.stored().status == S.DRAFT


def test_draft_that_was_planned_and_taken_back_is_still_approved(two: World) -> None:
    two.approve()
    campaign_send_now(campaign_id=two.campaign.pk)
    campaign_unschedule(campaign_id=two.campaign.pk)
    assert campaign_send_now(campaign_id=two.campaign.pk).status == S.SCHEDULED


def test_in_review_cannot_be_sent(two: World) -> None:
    two.ask()
    with pytest.raises(Exception, match="in review"):
        campaign_send_now(campaign_id=two.campaign.pk)
    assert two.stored().status == S.IN_REVIEW


def test_without_a_rule_nothing_is_asked(in_florist: Organization) -> None:
    world = make_world(in_florist, ApprovalPolicy.NONE)
    campaign_send_now(campaign_id=world.campaign.pk)
    campaign_begin(campaign_id=world.campaign.pk)
    assert world.stored().status == S.MATERIALISING
