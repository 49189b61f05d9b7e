"""Rehearsals: what they count, that nothing goes out, and that a killed worker's successor goes on."""

import datetime
import email
import email.policy
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns import services as campaigns
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact
from core.delivery.models import DeliveryBatch, Message, Rehearsal, SandboxMail
from core.delivery.models.rehearsals import RehearsalState
from core.delivery.rehearsal import runner
from core.delivery.rehearsal.runner import rehearse
from core.delivery.rehearsal.services import (
    RehearsalRefused,
    rehearsal_start,
    rehearsal_stop,
    stalled_rehearsals,
)
from core.delivery.rehearsal.tally import Tally
from tests.support import factories

HTML = (
    '<p>{{ contact.first_name }}</p><a href="https://shop.example/">x</a><a href="{{ system.unsubscribe_url }}">u</a>'
)


def campaign_for(organization: Organization, contacts: list[Contact], **fields: Any) -> Campaign:
    template = factories.make_template(organization, html=HTML, subject="Hi {{ contact.first_name }}")
    group = factories.make_group(organization, "Readers", contacts)
    return factories.make_campaign(organization, group=group, template=template, **fields)


def readers(organization: Organization, count: int) -> list[Contact]:
    return [factories.make_contact(organization, first_name=f"P{n}", time_zone="Asia/Tokyo") for n in range(count)]


def tally_of(rehearsal: Rehearsal) -> Tally:
    rehearsal.refresh_from_db()
    return Tally.read(rehearsal.tally)


def test_rehearsal_counts_everybody_and_sends_nothing(in_florist: Organization) -> None:
    nameless = factories.make_contact(in_florist, time_zone="Europe/Madrid")
    odd = factories.make_contact(in_florist, "müller@people.example", first_name="Odd")
    gone = factories.make_contact(in_florist, status=ContactStatus.BOUNCED)
    campaign = campaign_for(in_florist, [*readers(in_florist, 2), nameless, odd, gone])
    rehearsal = rehearsal_start(campaign_id=campaign.pk)

    assert rehearse(rehearsal_id=rehearsal.pk, seconds=60)["is_over"]

    tally = tally_of(rehearsal)
    assert (rehearsal.state, rehearsal.people_total, rehearsal.people_done) == (RehearsalState.DONE, 5, 5)
    assert (tally.mails, tally.zones) == (3, {"Asia/Tokyo": 2, "Europe/Madrid": 1})
    assert (tally.skipped, tally.skipped_people) == ({"bounced": 1}, {"bounced": [str(gone.pk)]})
    assert (tally.missing, tally.missing_people) == (
        {"contact.first_name": 1},
        {"contact.first_name": [str(nameless.pk)]},
    )
    assert list(tally.unbuilt_people.values()) == [[str(odd.pk)]]
    assert tally.bytes >= tally.largest > 500 and tally.seconds > 0
    assert not Message.objects.exists() and not DeliveryBatch.objects.exists()
    campaign.refresh_from_db()
    assert (campaign.status, campaign.version) == ("draft", 0)


def test_rehearsal_keeps_a_few_marked_samples_whose_links_lead_to_nobody(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SAMPLES", 2)
    campaign = campaign_for(in_florist, readers(in_florist, 4))
    rehearsal = rehearsal_start(campaign_id=campaign.pk)

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    samples = list(SandboxMail.objects.filter(rehearsal=rehearsal).order_by("subject"))
    assert [mail.subject for mail in samples] == ["[Rehearsal] Hi P0", "[Rehearsal] Hi P1"]
    raw = bytes(samples[0].raw)
    html = email.message_from_bytes(raw, policy=email.policy.default).get_body(("html",)).get_content()  # type: ignore
    assert 'href="https://shop.example/"' in html
    assert "/u/" not in html and 'href="#"' in html


def test_rehearsal_killed_on_the_way_is_found_and_goes_on_where_it_was(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 2)
    rehearsal = rehearsal_start(campaign_id=campaign_for(in_florist, readers(in_florist, 5)).pk)

    first = rehearse(rehearsal_id=rehearsal.pk, seconds=0)

    assert first == {"is_over": False, "people": 2}
    assert stalled_rehearsals() == []
    Rehearsal.objects.update(heartbeat_at=timezone.now() - datetime.timedelta(minutes=5))
    with all_organizations(reason="as the periodic job does"):
        assert stalled_rehearsals() == [(in_florist.pk, rehearsal.pk)]
    assert rehearse(rehearsal_id=rehearsal.pk, seconds=60)["is_over"]
    assert (tally_of(rehearsal).mails, rehearsal.people_done) == (5, 5)
    assert SandboxMail.objects.count() == 5


def test_rehearsal_a_second_time_counts_nobody_twice(in_florist: Organization) -> None:
    rehearsal = rehearsal_start(campaign_id=campaign_for(in_florist, readers(in_florist, 3)).pk)
    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    assert tally_of(rehearsal).mails == 3


def test_rehearsal_start_while_one_is_under_way_returns_that_one(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 1))

    assert rehearsal_start(campaign_id=campaign.pk).pk == rehearsal_start(campaign_id=campaign.pk).pk
    assert Rehearsal.objects.count() == 1


def test_rehearsal_stopped_on_the_way_stays_stopped(in_florist: Organization) -> None:
    rehearsal = rehearsal_start(campaign_id=campaign_for(in_florist, readers(in_florist, 2)).pk)

    rehearsal_stop(rehearsal_id=rehearsal.pk)
    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    rehearsal.refresh_from_db()
    assert (rehearsal.state, rehearsal.people_done) == (RehearsalState.STOPPED, 0)


def test_rehearsal_of_a_campaign_edited_meanwhile_stops_and_says_so(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 2))
    rehearsal = rehearsal_start(campaign_id=campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(subject="Another one")

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    rehearsal.refresh_from_db()
    assert (rehearsal.state, rehearsal.people_done) == (RehearsalState.STOPPED, 0)
    assert "edited meanwhile" in rehearsal.problem


def test_rehearsal_of_content_that_cannot_be_built_fails_with_words(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 1))
    rehearsal = rehearsal_start(campaign_id=campaign.pk)
    campaign.template.html = "<p>{{ contact.frist_name }}</p>"
    campaign.template.save()

    rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    rehearsal.refresh_from_db()
    assert rehearsal.state == RehearsalState.FAILED
    assert "frist_name" in rehearsal.problem


def test_rehearsal_of_a_campaign_that_has_begun_is_refused(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 1))
    campaigns.campaign_send_now(campaign_id=campaign.pk)
    campaigns.campaign_begin(campaign_id=campaign.pk)

    with pytest.raises(RehearsalRefused, match="has begun"):
        rehearsal_start(campaign_id=campaign.pk)


def test_rehearsal_of_another_clients_campaign_is_not_there(museum: Organization, in_florist: Organization) -> None:
    with organization_scope(museum):
        foreign = campaign_for(museum, readers(museum, 1))

    with pytest.raises(Campaign.DoesNotExist):
        rehearsal_start(campaign_id=foreign.pk)


def test_only_the_last_rehearsals_are_kept(in_florist: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 1))
    for _ in range(7):
        rehearsal = rehearsal_start(campaign_id=campaign.pk)
        rehearse(rehearsal_id=rehearsal.pk, seconds=60)

    assert Rehearsal.objects.count() == SandboxMail.objects.count() == 5
    assert Rehearsal.objects.filter(pk=rehearsal.pk).exists()


def test_tally_survives_its_storage_and_names_few() -> None:
    tally = Tally()
    ids = [Contact().pk for _ in range(12)]
    for pk in ids:
        tally.note("skipped", "bounced", pk)
    tally.built(700, "Asia/Tokyo")

    again = Tally.read(tally.as_json())

    assert again == tally
    assert (again.skipped["bounced"], len(again.skipped_people["bounced"])) == (12, 10)
