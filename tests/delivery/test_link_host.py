"""Mails whose links show the client's own host: all of them, for good, whatever becomes of the name."""

import re
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.errors import NothingCorrected
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.services import campaign_pause
from core.campaigns.snapshot import draft_snapshot
from core.campaigns.versions import campaign_fix, current_version, editable
from core.common.ids import new_id
from core.delivery.admin.mail_preview import framed_html
from core.delivery.dispatch import dispatch
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message, SandboxMail
from core.delivery.public_links import click_url, link_maker, unsubscribe_url, view_url
from core.delivery.queries import rendered_mail
from core.domains.choices import DomainStatus
from core.domains.models import SendingDomain
from core.domains.services import domain_add
from tests.delivery.ledger import batches_of, claimed, due_campaign, run_work, sending_campaign
from tests.support import factories

pytestmark = pytest.mark.usefixtures("ledger")

HOST = "https://link.florist.example"
OURS = "http://127.0.0.1:8000"
HTML = factories.HTML.replace("</body>", '<p><a href="{{ system.preferences_url }}">Choose</a></p></body>')
_OWN_LINKS = re.compile(r"(https?://[^/\s\"<>]+)/(?:[ocuv]|preferences)/[\w-]{40,}")


@pytest.fixture
def domain(in_florist: Organization, settings: Any) -> SendingDomain:
    settings.TRACKING_TARGET = "links.agency.example"
    domain = domain_add(organization=in_florist, name="florist.example")
    domain.status, domain.tracking = DomainStatus.VERIFIED, "link.florist.example"
    domain.tracking_verified_at = timezone.now()
    domain.save()
    return domain


def unverify(domain: SendingDomain) -> None:
    SendingDomain.objects.filter(pk=domain.pk).update(tracking_verified_at=None)


def hosts_in(text: str) -> set[str]:
    return set(_OWN_LINKS.findall(text))


def paths_in(text: str) -> set[str]:
    return {found.group()[len(found[1]) :][:3] for found in _OWN_LINKS.finditer(text)}


def whole(mail: SandboxMail) -> str:
    """Header and bodies, with lines that were folded made whole."""
    shown = rendered_mail(mail.message_id)
    return "\n".join((shown.html, shown.text, bytes(mail.raw).decode().replace("=\r\n", "")))


def test_work_all_links_of_a_mail_show_the_verified_host(in_florist: Organization, domain: SendingDomain) -> None:
    template = factories.make_template(in_florist, html=HTML)
    sending_campaign(in_florist, 1, template=template, from_email="news@florist.example")
    run_work()
    mail = SandboxMail.objects.get()
    assert hosts_in(whole(mail)) == {HOST}
    assert paths_in(whole(mail)) >= {"/o/", "/c/", "/u/", "/pr"}
    header = re.search(r"List-Unsubscribe: <([^>]+)>", bytes(mail.raw).decode().replace("\r\n ", ""))
    assert header is not None
    assert header[1] == unsubscribe_url(mail.message_id).replace(OURS, HOST)


def test_work_without_a_verified_host_shows_ours(in_florist: Organization, domain: SendingDomain) -> None:
    unverify(domain)
    sending_campaign(in_florist, 1, from_email="news@florist.example")
    run_work()
    assert hosts_in(whole(SandboxMail.objects.get())) == {OURS}


def test_work_host_of_another_domain_is_not_used(in_florist: Organization, domain: SendingDomain) -> None:
    sending_campaign(in_florist, 1, from_email="news@second.example")
    run_work()
    assert hosts_in(whole(SandboxMail.objects.get())) == {OURS}


def test_host_taken_back_half_way_changes_no_mail_of_the_campaign(
    in_florist: Organization, domain: SendingDomain
) -> None:
    batches_of(1, in_florist)
    sending_campaign(in_florist, 2, from_email="news@florist.example")
    dispatch(claimed())
    before = rendered_mail(Message.objects.get(send_state="accepted").pk)
    unverify(domain)
    run_work()
    assert [hosts_in(whole(mail)) for mail in SandboxMail.objects.all()] == [{HOST}, {HOST}]
    assert rendered_mail(before.message_id).html == before.html, "what the view in the browser shows"


def test_host_verified_half_way_waits_for_the_next_campaign(in_florist: Organization, domain: SendingDomain) -> None:
    unverify(domain)
    sending_campaign(in_florist, 1, from_email="news@florist.example")
    SendingDomain.objects.filter(pk=domain.pk).update(tracking_verified_at=timezone.now())
    run_work()
    assert hosts_in(whole(SandboxMail.objects.get())) == {OURS}


def test_host_is_frozen_at_the_start_not_at_the_confirmation(in_florist: Organization, domain: SendingDomain) -> None:
    campaign = due_campaign(in_florist, 1, from_email="news@florist.example")
    unverify(domain)
    materialise_campaign(campaign_id=campaign.pk)
    assert CampaignSnapshot.objects.get(campaign=campaign).link_base == ""


def test_fix_of_a_campaign_whose_host_is_gone_mends_its_links(in_florist: Organization, domain: SendingDomain) -> None:
    """Without another change: the correction is what the paused campaign's links are waiting for."""
    campaign = sending_campaign(in_florist, 1, from_email="news@florist.example")
    campaign_pause(campaign_id=campaign.pk)
    campaign = Campaign.objects.get(pk=campaign.pk)
    before = current_version(campaign)
    assert before is not None
    with pytest.raises(NothingCorrected):
        campaign_fix(campaign_id=campaign.pk, version=campaign.version, correction=editable(before))
    unverify(domain)
    campaign_fix(campaign_id=campaign.pk, version=campaign.version, correction=editable(before))
    run_work()
    assert hosts_in(whole(SandboxMail.objects.get())) == {OURS}
    assert CampaignSnapshot.objects.get(pk=before.pk).link_base == HOST


def test_preview_of_a_sent_mail_leaves_the_pixel_out_under_any_host(
    in_florist: Organization, domain: SendingDomain
) -> None:
    sending_campaign(in_florist, 1, from_email="news@florist.example")
    run_work()
    shown = rendered_mail(SandboxMail.objects.get().message_id)
    assert f"{HOST}/o/" in shown.html
    assert "/o/" not in framed_html(shown.html)
    assert "/o/" not in framed_html(rendered_mail(shown.message_id, inert=True).html)


def test_link_maker_under_a_host_makes_the_same_tokens(in_florist: Organization) -> None:
    message, campaign = new_id(), new_id()
    made = link_maker("link.7", campaign, HOST)(message.bytes)
    assert made == click_url(message, 7, campaign).replace(OURS, HOST)
    made = link_maker("system.view_in_browser_url", campaign, HOST)(message.bytes)
    assert made == view_url(message).replace(OURS, HOST)


def test_hash_of_a_campaign_does_not_know_the_host(in_florist: Organization, domain: SendingDomain) -> None:
    """Whoever approved a mail approved it: a host that is verified meanwhile ends no approval."""
    campaign = sending_campaign(in_florist, 1, name="One", from_email="news@florist.example")
    frozen = CampaignSnapshot.objects.get(campaign=campaign)
    assert frozen.link_base == HOST
    drafted, _links = draft_snapshot(Campaign.objects.select_related("organization", "template").get(pk=campaign.pk))
    assert (drafted.link_base, drafted.content_hash) == ("", frozen.content_hash)
