"""What is frozen, and what comes out of it for one person."""

import pytest

from core.accounts.models import Organization
from core.campaigns import services
from core.campaigns.content import compiled_content
from core.campaigns.models import Campaign, CampaignLink, CampaignSnapshot
from core.campaigns.snapshot import draft_snapshot, tracked_content
from core.email_templates.models import EmailTemplate
from core.email_templates.preview import MailSource
from tests.support import factories

VALUES = {
    "contact.first_name": "<Ada>",
    "link.1": "https://c.example/1",
    "link.2": "https://c.example/2",
    "system.open_pixel_url": "https://o.example/p.gif",
    "system.unsubscribe_url": "https://u.example/x",
}
UNSUBSCRIBE = '<p><a href="{{ system.unsubscribe_url }}">Leave</a></p>'


def frozen(organization: Organization, **fields: str) -> CampaignSnapshot:
    html = fields.pop("html", factories.HTML)
    template = factories.make_template(organization, html=html, **fields)
    campaign = factories.make_campaign(organization, template=template)
    services.campaign_send_now(campaign_id=campaign.pk)
    return services.campaign_begin(campaign_id=campaign.pk)


def test_freeze_numbers_links_and_writes_their_targets(in_florist: Organization) -> None:
    snapshot = frozen(in_florist)

    assert [(link.number, link.url) for link in CampaignLink.objects.all()] == [
        (1, "https://shop.example/offer?a=1&b=2")
    ]
    assert 'href="{{ link.1 }}"' in snapshot.html
    assert "Offer ({{ link.1 }})" in snapshot.text
    assert "shop.example" not in snapshot.html + snapshot.text
    assert "{{ system.unsubscribe_url }}" in snapshot.html and "{{ system.unsubscribe_url }}" in snapshot.text
    assert snapshot.merge_keys == ["contact.first_name"]
    assert snapshot.audience["included"][0]["name"] == "Group of Spring offer"
    assert len(snapshot.content_hash) == 64


def test_compiled_content_fills_in_one_person_escaped_for_each_place(in_florist: Organization) -> None:
    content = compiled_content(
        frozen(
            in_florist,
            subject="For {{ contact.first_name }} from {{ organization.name }}",
            preheader="Hi {{ contact.first_name }}",
        )
    )

    assert content.subject.render(VALUES) == "For <Ada> from Florist"
    html = content.html.render(VALUES)
    assert "Hello &lt;Ada&gt;" in html and "<Ada>" not in html
    assert "Hi &lt;Ada&gt;" in html
    assert 'href="https://c.example/1"' in html and 'src="https://o.example/p.gif"' in html
    text = content.text.render(VALUES)
    assert "Hello <Ada>" in text and "Offer (https://c.example/1)" in text and "1 Florist Street" in text
    assert content.merge_keys == {"contact.first_name"}
    assert not {key for key in content.html.keys if key.startswith(("organization.", "campaign."))}


def test_compiled_content_subject_inside_the_mail_is_the_persons_own(in_florist: Organization) -> None:
    html = f"<title>{{{{ campaign.subject }}}}</title><p>{{{{ campaign.subject }}}}</p>{UNSUBSCRIBE}"
    content = compiled_content(frozen(in_florist, subject="A & B for {{ contact.first_name }}", html=html))

    assert content.html.render(VALUES).count("A &amp; B for &lt;Ada&gt;") == 2


def test_freeze_own_text_tracks_links_of_both_parts(in_florist: Organization) -> None:
    html = f'<p><a href="https://a.example/x">A</a></p>{UNSUBSCRIBE}'
    text = (
        "See https://a.example/x, or (https://b.example/wiki_(y)).\n"
        "Yours: https://c.example/?e={{ contact.email }}\n{{ system.unsubscribe_url }}"
    )
    snapshot = frozen(in_florist, html=html, text=text)

    assert snapshot.text.startswith(
        "See {{ link.1 }}, or ({{ link.2 }}).\nYours: https://c.example/?e={{ contact.email }}"
    )
    assert list(CampaignLink.objects.values_list("url", flat=True)) == [
        "https://a.example/x",
        "https://b.example/wiki_(y)",
    ]


def test_freeze_campaign_with_own_subject_keeps_it_and_later_edits_do_not_reach_it(in_florist: Organization) -> None:
    campaign = factories.make_campaign(in_florist, subject="Own subject", preheader="Own line")
    services.campaign_send_now(campaign_id=campaign.pk)
    snapshot = services.campaign_begin(campaign_id=campaign.pk)
    EmailTemplate.objects.update(html="<p>changed</p>")
    in_florist.postal_address = "Somewhere else"
    in_florist.save()

    again = services.campaign_begin(campaign_id=campaign.pk)

    assert (again.pk, again.subject, again.preheader) == (snapshot.pk, "Own subject", "Own line")
    assert "1 Florist Street" in compiled_content(again).text.render({})


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Other"},
        {"from_email": "other@florist.example"},
        {"from_name": "Other"},
        {"reply_to": "r@florist.example"},
    ],
)
def test_content_hash_changes_with_content_and_sender(in_florist: Organization, change: dict[str, str]) -> None:
    campaign = factories.make_campaign(in_florist)
    before, _ = draft_snapshot(campaign)
    unchanged, _ = draft_snapshot(Campaign.objects.get(pk=campaign.pk))
    for name, value in change.items():
        setattr(campaign, name, value)

    assert unchanged.content_hash == before.content_hash
    assert draft_snapshot(campaign)[0].content_hash != before.content_hash


def test_content_hash_changes_with_the_audience_and_not_with_a_groups_name(in_florist: Organization) -> None:
    group = factories.make_group(in_florist, contacts=[factories.make_contact(in_florist)])
    campaign = factories.make_campaign(in_florist, group=group)
    before = draft_snapshot(campaign)[0].content_hash
    group.name = "Renamed"
    group.save()
    assert draft_snapshot(campaign)[0].content_hash == before

    staff = factories.make_group(in_florist, "Staff")
    services.campaign_set_groups(campaign=campaign, include_ids=[group.pk], exclude_ids=[staff.pk])

    assert draft_snapshot(campaign)[0].content_hash != before


def test_tracked_content_same_link_twice_has_two_numbers_in_html_and_one_address_in_text() -> None:
    html = '<a href="https://a.example/">one</a> <a href="https://a.example/">two</a>'

    content = tracked_content(MailSource("s", "", html))

    assert content.links == ("https://a.example/", "https://a.example/")
    assert "{{ link.1 }}" in content.html and "{{ link.2 }}" in content.html
    assert content.text.strip() == "one ({{ link.1 }}) two ({{ link.1 }})"


def test_compiled_content_fills_conditions_in_every_part(in_florist: Organization) -> None:
    said = "{{ if contact.company }}At {{ contact.company }}{{ else }}You at {{ organization.name }}{{ end }}"
    link = '{{ if contact.phone }}<a href="https://shop.example/call">Call</a>{{ end }}'
    html = f"<h1>{{{{ campaign.subject }}}}</h1>{link}{{{{ if organization.name }}}}yes{{{{ end }}}}{UNSUBSCRIBE}"
    snapshot = frozen(in_florist, subject=said, preheader=said, html=html)
    content = compiled_content(snapshot)

    assert snapshot.merge_keys == ["contact.company", "contact.phone"]
    assert [link.url for link in CampaignLink.objects.all()] == ["https://shop.example/call"]
    company = {**VALUES, "contact.company": "<Fern>"}
    assert content.subject.render(company) == "At <Fern>"
    assert content.subject.render(VALUES) == "You at Florist"
    assert "<h1>At &lt;Fern&gt;</h1>" in content.html.render(company)
    assert "<h1>You at Florist</h1>" in content.html.render(VALUES)
    assert "yes" in content.html.render(VALUES) and "https://c.example/1" not in content.html.render(VALUES)
    called = {**VALUES, "contact.phone": "1"}
    assert "https://c.example/1" in content.html.render(called) and "https://c.example/1" in content.text.render(called)
    assert not any("organization" in key for key in content.html.keys)
