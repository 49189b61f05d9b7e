"""Every check: one campaign that it finds something in, and one that passes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.choices import OrganizationStatus
from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignGroup
from core.campaigns.preflight import Case, Level, State, checklist
from core.campaigns.preflight.registry import checks
from core.campaigns.queries import campaign_audience
from core.campaigns.states import CampaignStatus
from core.contacts.choices import ContactStatus
from core.contacts.models import ContactGroupMembership
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.domains.choices import DomainStatus
from core.domains.models import SendingDomain
from core.subscriptions.choices import SubscriptionStatus
from core.subscriptions.models import Subscription
from tests.support import factories

WAY_OUT = '<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p>'


def campaign_with(organization: Organization, html: str = "<p>Hello</p>", people: int = 1, **fields: Any) -> Campaign:
    contacts = [factories.make_contact(organization) for _ in range(people)]
    template = factories.make_template(organization, html=html + WAY_OUT)
    group = factories.make_group(organization, "Readers", contacts)
    return factories.make_campaign(organization, group=group, template=template, **fields)


def found(campaign: Campaign, code: str) -> list[str]:
    """The sentences of one check."""
    one = next(check for check in checks() if check.code == code)
    campaign = Campaign.objects.select_related("template", "organization").get(pk=campaign.pk)
    return [problem.message for problem in one.problems(Case(campaign, campaign_audience(campaign)))]


def level_of(campaign: Campaign, code: str) -> set[Level]:
    one = next(check for check in checks() if check.code == code)
    return {problem.level for problem in one.problems(Case(campaign, campaign_audience(campaign)))}


def test_every_check_passes_for_a_campaign_in_order(in_florist: Organization) -> None:
    SendingDomain.objects.create(
        organization=in_florist, name="florist.example", selector="s", status=DomainStatus.VERIFIED
    )
    Connection.objects.update(kind=ConnectionKind.SMTP, host="smtp.florist.example")
    campaign = campaign_with(
        in_florist,
        '<p>Hello {{ contact.first_name | default: "you" }}, <a href="https://shop.example/a">see it</a></p>',
        subject="Autumn letter",
        preheader="What we plant before the frost, and what can wait until spring",
    )

    items = checklist(Case(campaign, campaign_audience(campaign)))

    assert {item.check.code: item.problems for item in items if item.state != State.FINE} == {}
    assert all(item.fine for item in items)


def test_list_has_stops_first_and_waits_for_numbers(in_florist: Organization) -> None:
    campaign = campaign_with(in_florist, subject="RE: hello", reply_to="nobody")

    states = [item.state for item in checklist(Case(campaign))]

    assert states == sorted(states, key=list(State).index)
    assert {State.STOP, State.WARNING, State.FINE, State.WAITING} == set(states)


def test_audience(in_florist: Organization) -> None:
    campaign = campaign_with(in_florist, people=1)
    assert found(campaign, "audience") == []

    CampaignGroup.objects.all().delete()
    assert "No group or segment is chosen" in found(campaign, "audience")[0]


def sent(organization: Organization, name: str, mails: int) -> None:
    campaign = factories.make_campaign(organization, name=name)
    Campaign.objects.filter(pk=campaign.pk).update(
        status=CampaignStatus.SENT, emails_reserved=mails, finished_at=timezone.now()
    )


def test_audience_jump_looks_at_the_median_of_the_last_three(in_florist: Organization) -> None:
    campaign = campaign_with(in_florist, people=3)
    for name, mails in (("One", 4), ("Two", 90_000), ("Three", 5)):
        sent(in_florist, name, mails)
    assert found(campaign, "audience_jump") == []  # the median is 5

    for name in ("Four", "Five"):
        sent(in_florist, name, 2_000)
    assert found(campaign, "audience_jump") == [
        "3 people get it, 1,997 fewer than usual (2,000 in the last 3 campaigns). "
        "Look at the groups and segments under Who."
    ]


def test_audience_jump_of_few_people_is_none(in_florist: Organization) -> None:
    sent(in_florist, "One", 400)

    assert found(campaign_with(in_florist), "audience_jump") == []


def test_skipped_share(in_florist: Organization) -> None:
    campaign = campaign_with(in_florist, people=4)
    group = CampaignGroup.objects.get(campaign=campaign).group
    assert found(campaign, "skipped_share") == []

    for _ in range(2):
        contact = factories.make_contact(in_florist, status=ContactStatus.BOUNCED)
        ContactGroupMembership.objects.create(organization=in_florist, group=group, contact=contact)
    assert found(campaign, "skipped_share")[0].startswith("2 of 6 chosen people are skipped (33 %)")


def test_missing_values_count_and_name_people(in_florist: Organization) -> None:
    html = "<p>{{ contact.first_name }} {{ contact.attributes.city }}</p>"
    contacts = [
        factories.make_contact(in_florist, "a@people.example", first_name="Ana", attributes={"city": "Vigo"}),
        factories.make_contact(in_florist, "b@people.example", first_name=" ", attributes={"city": ""}),
        factories.make_contact(in_florist, "c@people.example", first_name="Cleo"),
        factories.make_contact(in_florist, "d@people.example", status=ContactStatus.UNSUBSCRIBED),
    ]
    campaign = factories.make_campaign(
        in_florist,
        group=factories.make_group(in_florist, "Readers", contacts),
        template=factories.make_template(in_florist, html=html + WAY_OUT),
    )

    check = next(one for one in checks() if one.code == "missing_values")
    by_city, by_name = check.problems(Case(campaign, campaign_audience(campaign)))

    assert by_city.message.startswith("2 people have no city, and {{ contact.attributes.city }} has no fallback")
    assert sorted(person.address for person in by_city.people) == ["b@people.example", "c@people.example"]
    assert by_name.message.startswith("1 person has no first name")


@pytest.mark.parametrize(
    "html",
    [
        '{{ contact.first_name | default: "you" }}',
        "{{ if contact.first_name }}{{ contact.first_name }}{{ end }}",
        '{{ if contact.first_name is "Ana" }}{{ contact.first_name }}{{ end }}',
    ],
)
def test_missing_values_with_a_fallback_or_a_condition_are_fine(in_florist: Organization, html: str) -> None:
    assert found(campaign_with(in_florist, f"<p>{html}</p>"), "missing_values") == []


def test_missing_values_outside_the_condition_count(in_florist: Organization) -> None:
    html = "{{ if contact.company }}x{{ else }}{{ contact.company }}{{ end }}"

    assert len(found(campaign_with(in_florist, f"<p>{html}</p>"), "missing_values")) == 1


CONTENT: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("merge_tags", {"html": "<p>{{ contact.frist_name }}</p>"}, {}, "contact.first_name"),
    ("inbox_row", {"subject": "RE: hello"}, {"subject": "Hello", "preheader": "x" * 60}, "looks like a reply"),
    (
        "spam_words",
        {"html": "<p>Act now. Click here. Urgent.</p>"},
        {"html": "<p>Click here</p>"},
        "“act now”, “click here”, “urgent”",
    ),
    (
        "pictures",
        {"html": '<img src="https://shop.example/i.png">'},
        {"html": '<img src="https://shop.example/i.png" alt="">'},
        "no alt text (line 1 of the HTML)",
    ),
    ("size", {"html": "<p>" + "word " * 21_000 + "</p>"}, {}, "Gmail cuts off"),
    ("links_broken", {"html": '<a href="https://https://shop.example">x</a>'}, {}, "begins with http twice"),
    ("links_broken", {"html": '<a href="https://">x</a>'}, {}, "no address that a browser could open"),
    ("links_broken", {"html": '<a href="http://localhost:8000/a">x</a>'}, {}, "cannot reach"),
    ("links_broken", {"html": '<a href="http://192.168.1.4/a">x</a>'}, {}, "cannot reach"),
    ("links", {"html": '<a href="https://www.example.com/offer">x</a>'}, {}, "is a placeholder"),
    ("links", {"html": '<a href="http://shop.example/">x</a>'}, {}, "not encrypted"),
    ("links", {"html": '<a href="www.shop.example">x</a>'}, {}, "has no https:// in front"),
    ("links", {"html": '<a href="#">x</a>'}, {"html": '<a href="mailto:a@b.example">x</a>'}, "leads nowhere"),
    ("links", {"html": '<a href="https://93.184.216.34/">x</a>'}, {}, "by its number"),
]


@pytest.mark.parametrize(("code", "bad", "good", "words"), CONTENT)
def test_content(in_florist: Organization, code: str, bad: dict[str, Any], good: dict[str, Any], words: str) -> None:
    failing = campaign_with(in_florist, **bad)
    in_order = factories.make_campaign(
        in_florist,
        name="In order",
        template=factories.make_template(
            in_florist, "In order", html=good.pop("html", '<a href="https://shop.example/a">x</a>') + WAY_OUT
        ),
        **good,
    )

    assert words in " ".join(found(failing, code))
    assert found(in_order, code) == []


def test_no_unsubscribe(in_florist: Organization) -> None:
    template = factories.make_template(in_florist, html="<p>Hello</p>")
    campaign = factories.make_campaign(in_florist, template=template)

    assert "has no unsubscribe link" in found(campaign, "no_unsubscribe")[0]


@pytest.mark.parametrize(
    ("html", "is_shown"),
    [
        ("<p>Hello</p>", False),
        ("<p>{{ organization.postal_address }}</p>", True),
        ("<p>Florist · 1 FLORIST<br>Street</p>", True),
        ("<!-- 1 Florist Street -->", False),
    ],
)
def test_postal_address_in_the_mail(in_florist: Organization, html: str, is_shown: bool) -> None:
    way_out = WAY_OUT.replace("{{ organization.postal_address }} ", "")
    campaign = factories.make_campaign(in_florist, template=factories.make_template(in_florist, html=html + way_out))
    assert is_shown != any("does not show" in one for one in found(campaign, "postal_address_shown"))
    assert level_of(campaign, "postal_address_shown") == (set() if is_shown else {Level.WARNING})


def test_subject(in_florist: Organization) -> None:
    template = factories.make_template(in_florist, subject=" ")

    assert found(factories.make_campaign(in_florist, template=template), "subject") == [
        "The mail has no subject. Write one."
    ]


SENDER: list[tuple[str, Callable[[Organization, Campaign], Any], str]] = [
    ("client", lambda client, _: Organization.objects.update(status=OrganizationStatus.SUSPENDED), "nothing is sent"),
    ("sender", lambda _, campaign: Campaign.objects.update(reply_to="nobody"), "“nobody” is no email address"),
    ("no_postal_address", lambda client, _: Organization.objects.update(postal_address=" "), "no postal address"),
    ("plan_usable", lambda *_: Subscription.objects.update(status=SubscriptionStatus.SUSPENDED), "suspended"),
    ("plan", lambda *_: Subscription.objects.update(plan=factories.make_plan(max_emails=0)), "has 0 left"),
]


@pytest.mark.parametrize(("code", "spoil", "words"), SENDER)
def test_sender_client_and_plan(
    in_florist: Organization, code: str, spoil: Callable[[Organization, Campaign], Any], words: str
) -> None:
    campaign = campaign_with(in_florist)
    assert found(campaign, code) == []

    spoil(in_florist, campaign)

    assert words in found(campaign, code)[0]


def test_domain_is_verified_broken_or_only_one_above_it(in_florist: Organization, settings: Any) -> None:
    settings.DOMAINS_REQUIRED = True
    domain = SendingDomain.objects.create(
        organization=in_florist, name="florist.example", selector="s", status=DomainStatus.VERIFIED
    )
    campaign = campaign_with(in_florist)
    assert found(campaign, "domain") == []

    Campaign.objects.update(from_email="hello@news.florist.example")
    assert (
        "news.florist.example is no sending domain of this client, only florist.example is"
        in (found(campaign, "domain")[0])
    )

    Campaign.objects.update(from_email="hello@florist.example")
    SendingDomain.objects.filter(pk=domain.pk).update(status=DomainStatus.BROKEN)
    assert "is broken" in found(campaign, "domain")[0]
    assert level_of(campaign, "domain") == {Level.STOP}
    settings.DOMAINS_REQUIRED = False
    assert level_of(campaign, "domain") == {Level.WARNING}


def test_connection_missing_paused_or_sandbox(in_florist: Organization) -> None:
    campaign = campaign_with(in_florist)
    assert "delivers nothing" in found(campaign, "connection")[0]
    assert level_of(campaign, "connection") == {Level.WARNING}

    Connection.objects.update(kind=ConnectionKind.SMTP, host="smtp.florist.example")
    assert found(campaign, "connection") == []

    Connection.objects.update(paused_at=timezone.now(), problem="535 no")
    assert "stands still" in found(campaign, "connection")[0]

    Connection.objects.update(is_default=False)
    assert "No connection is used for campaigns" in found(campaign, "connection")[0]
    assert level_of(campaign, "connection") == {Level.STOP}


def test_link_host_says_whose_name_links_show(in_florist: Organization, settings: Any) -> None:
    campaign = campaign_with(in_florist)
    domain = SendingDomain.objects.create(
        organization=in_florist, name="florist.example", selector="s", status=DomainStatus.VERIFIED
    )
    assert found(campaign, "link_host") == [], "the agency offers none"
    settings.TRACKING_TARGET = "links.agency.example"
    assert "show 127.0.0.1:8000: link.florist.example is not verified." in found(campaign, "link_host")[0]
    assert level_of(campaign, "link_host") == {Level.WARNING}
    domain.tracking, domain.tracking_verified_at = "link.florist.example", timezone.now()
    domain.save()
    assert found(campaign, "link_host") == []
    (one,) = (check for check in checks() if check.code == "link_host")
    assert one.fine_words(Case(campaign)) == "Links in this mail show link.florist.example."
    domain.status = DomainStatus.BROKEN
    domain.save()
    assert found(campaign, "link_host") == [], "that the domain broke is another check's to say"
