"""Rehearsals of an A/B test: every variant is built for its share of the audience, and reported by itself."""

import datetime
import email
import email.policy
from collections.abc import Callable

import pytest
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.ab.services import ABPlan, VariantDraft, ab_test_set
from core.campaigns.models import ABTest, Campaign, CampaignVariant
from core.campaigns.states import ABMetric
from core.contacts.choices import ContactStatus
from core.delivery.models import Message, Rehearsal, SandboxMail
from core.delivery.models.rehearsals import RehearsalState
from core.delivery.rehearsal import runner
from core.delivery.rehearsal.runner import rehearse
from core.delivery.rehearsal.services import rehearsal_start
from core.delivery.rehearsal.shown import shown
from tests.delivery.rehearsal.test_rehearsal import HTML, campaign_for, readers, tally_of
from tests.support import factories

OTHER_HTML = '<p>{{ contact.company }}</p><a href="https://other.example/">y</a>' + HTML


def with_test(campaign: Campaign, *variants: VariantDraft, percent: int = 50) -> Campaign:
    campaign.refresh_from_db()
    plan = ABPlan(ABMetric.CLICKS, percent, 240)
    ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=plan, variants=list(variants))
    campaign.refresh_from_db()
    return campaign


def two_contents(organization: Organization, people: int) -> Campaign:
    gone = factories.make_contact(organization, status=ContactStatus.BOUNCED)
    campaign = campaign_for(organization, [*readers(organization, people), gone])
    other = factories.make_template(organization, "Other", html=OTHER_HTML, subject="Other {{ contact.first_name }}")
    return with_test(
        campaign,
        VariantDraft(subject="Alpha"),
        VariantDraft(template_id=other.pk, from_name="Beta", from_email="beta@florist.example"),
    )


def test_rehearsal_builds_every_variant_for_its_share_as_planned(in_florist: Organization) -> None:
    rehearsal = rehearsal_start(campaign_id=two_contents(in_florist, 20).pk)

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    tally = tally_of(rehearsal)
    assert (rehearsal.state, tally.mails, tally.waiting) == (RehearsalState.DONE, 20, 10)
    assert {name: own.mails - own.waiting for name, own in tally.variants.items()} == {"A": 5, "B": 5}
    assert sum(own.mails for own in tally.variants.values()) == 20
    assert all(own.waiting for own in tally.variants.values())
    assert tally.skipped == {"bounced": 1}
    assert not Message.objects.exists()


def test_rehearsal_reports_what_is_missing_with_the_variant_that_says_it(in_florist: Organization) -> None:
    rehearsal = rehearsal_start(campaign_id=two_contents(in_florist, 12).pk)

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    tally = tally_of(rehearsal)
    assert tally.variants["A"].missing == {}
    assert tally.variants["B"].missing == {"contact.company": tally.variants["B"].mails}
    assert tally.missing == tally.variants["B"].missing


def test_rehearsal_keeps_samples_of_each_variant_with_its_sender_and_links(in_florist: Organization) -> None:
    campaign = two_contents(in_florist, 8)
    rehearsal = rehearsal_start(campaign_id=campaign.pk)

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    samples = list(SandboxMail.objects.filter(rehearsal=rehearsal))
    alpha = next(mail for mail in samples if mail.subject.startswith("[Rehearsal] [Variant A] Alpha"))
    beta = next(mail for mail in samples if mail.subject.startswith("[Rehearsal] [Variant B] Other P"))
    html = email.message_from_bytes(bytes(beta.raw), policy=email.policy.default).get_body(("html",)).get_content()  # type: ignore
    assert 'href="https://other.example/"' in html and 'href="https://shop.example/"' in html
    assert (alpha.sender, beta.sender) == (campaign.from_email, "beta@florist.example")
    assert "/u/" not in html


def test_rehearsal_of_a_variant_that_cannot_be_built_fails_with_words(in_florist: Organization) -> None:
    campaign = two_contents(in_florist, 2)
    rehearsal = rehearsal_start(campaign_id=campaign.pk)
    template = CampaignVariant.objects.get(number=2).template
    assert template is not None
    template.html = "<p>{{ contact.frist_name }}</p>"
    template.save()

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    rehearsal.refresh_from_db()
    assert rehearsal.state == RehearsalState.FAILED and "frist_name" in rehearsal.problem


@pytest.mark.parametrize("change", ["words", "sample"])
def test_rehearsal_of_a_test_edited_meanwhile_stops_and_says_so(in_florist: Organization, change: str) -> None:
    rehearsal = rehearsal_start(campaign_id=two_contents(in_florist, 4).pk)
    if change == "words":
        CampaignVariant.objects.filter(number=1).update(subject="Gamma")
    else:
        ABTest.objects.update(sample_percent=30)

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    rehearsal.refresh_from_db()
    assert (rehearsal.state, rehearsal.people_done) == (RehearsalState.STOPPED, 0)


def test_rehearsal_of_a_test_killed_on_the_way_goes_on_and_counts_nobody_twice(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 4)
    rehearsal = rehearsal_start(campaign_id=two_contents(in_florist, 13).pk)

    while not rehearse(rehearsal_id=rehearsal.pk, seconds=0)["is_over"]:
        continue

    tally = tally_of(rehearsal)
    assert (tally.mails, rehearsal.people_done) == (13, 14)
    assert sum(own.mails for own in tally.variants.values()) == 13
    assert set(tally.variants) == {"A", "B"}


def test_page_shows_each_variant_by_itself_and_hostile_words_as_text(
    in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 6))
    with_test(campaign, VariantDraft(subject="<script>alert(1)</script>"), VariantDraft(subject="Beta"))
    rehearsal = rehearsal_start(campaign_id=campaign.pk)
    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    browser = signed_in(member(Role.MANAGER))
    page = browser.get(f"/admin/delivery/rehearsal/{Rehearsal.objects.get().pk}/change/").content.decode()

    assert "Variant A" in page and "Variant B" in page and "Built for its sample" in page
    assert "their mails were built from the variants in turn" in page
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_forecast_counts_the_wait_for_a_winner(in_florist: Organization) -> None:
    """Half of 20 are the sample; the others wait for four hours (240 minutes) after it."""
    campaign = two_contents(in_florist, 20)
    rehearsal = rehearsal_start(campaign_id=campaign.pk)
    rehearse(rehearsal_id=rehearsal.pk, seconds=60)
    rehearsal.refresh_from_db()
    campaign.scheduled_at = datetime.datetime(2031, 3, 3, 8, 15, tzinfo=datetime.UTC)

    result = shown(rehearsal, campaign)

    facts = dict(result.facts)
    assert "12:15" in facts["Winner"] and "12:15" in facts["Last mail"]
    assert [bar.count for bar in result.bars] == [10, 10]
    assert [bar.label[-5:] for bar in result.bars] == ["08:00", "12:00"]
