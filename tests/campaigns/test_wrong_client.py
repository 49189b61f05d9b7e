"""The wrong-client guard: what is another client's is found, named only to its members, and one's own is not."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.accounts.choices import Role
from core.accounts.models import Organization
from core.campaigns.errors import CampaignNotReady
from core.campaigns.models import Campaign
from core.campaigns.preflight import Case, Level, Problem
from core.campaigns.preflight.registry import checks
from core.campaigns.services import campaign_send_now
from core.common.request_context import request_context
from core.common.tenancy import all_organizations
from core.domains.models import SendingDomain
from tests.support import factories

WAY_OUT = '<p><a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p>'


@pytest.fixture
def rival(museum: Organization) -> Organization:
    with all_organizations(reason="the test makes another client"):
        museum.name = "Salt Museum"
        museum.web_hosts = ["www.saltmuseum.example"]
        museum.watch_words = ["Salt Nights"]
        museum.postal_address = "Rua do Sal 3\n3800-200 Aveiro"
        museum.save()
        SendingDomain.objects.create(organization=museum, name="mail.salt.example", selector="s")
    return museum


@pytest.fixture(params=["member", "stranger"])
def actor(request: pytest.FixtureRequest, rival: Organization, florist: Organization) -> Iterator[str]:
    """Who acts: somebody who works for both clients, or for one of them."""
    user = factories.make_user(Role.MANAGER, florist)
    if request.param == "member":
        factories.join(user, rival, Role.MANAGER)
    with request_context(actor_id=user.pk):
        yield request.param


def problems(organization: Organization, html: str = "<p>Hello</p>", **fields: Any) -> tuple[Problem, ...]:
    template = factories.make_template(organization, html=html + WAY_OUT)
    campaign = factories.make_campaign(organization, template=template)
    Campaign.objects.filter(pk=campaign.pk).update(**fields)
    check = next(one for one in checks() if one.code == "wrong_client")
    return check.problems(Case(Campaign.objects.get(pk=campaign.pk)))


@pytest.mark.parametrize(
    ("html", "fields", "words"),
    [
        ('<a href="https://saltmuseum.example/a">x</a>', {}, "leads to saltmuseum.example"),
        ('<a href="https://shop.saltmuseum.example/a">x</a>', {}, "leads to shop.saltmuseum.example"),
        ("<p>Come to our salt nights!</p>", {}, "says “Salt Nights”"),
        ("<p>Hi</p>", {"subject": "Salt Nights are back"}, "The subject says “Salt Nights”"),
        ("<p>Hi</p>", {"from_email": "a@mail.salt.example"}, "sender address a@mail.salt.example"),
        ("<p>Hi</p>", {"reply_to": "a@museum.example"}, "reply address a@museum.example"),
        ("<p>Rua do Sal 3,<br>3800-200 AVEIRO</p>", {}, "holds the postal address of"),
        ("<p>Greetings from the Salt Museum</p>", {}, "The text names"),
    ],
)
def test_things_of_another_client_stop_the_mail_and_name_it_to_its_members_alone(
    in_florist: Organization, actor: str, html: str, fields: dict[str, Any], words: str
) -> None:
    found = problems(in_florist, html, **fields)

    message = " ".join(problem.message for problem in found)
    assert words in message
    assert all(problem.level == Level.STOP for problem in found)
    assert ("Salt Museum" in message) == (actor == "member")
    assert ("another client" in message) == (actor == "stranger")


def test_guard_stops_the_sending_itself(in_florist: Organization, rival: Organization) -> None:
    template = factories.make_template(in_florist, html=f"<p>Salt Nights</p>{WAY_OUT}")
    campaign = factories.make_campaign(in_florist, template=template)

    with pytest.raises(CampaignNotReady, match="a word of another client"):
        campaign_send_now(campaign_id=campaign.pk)


@pytest.mark.parametrize(
    "html",
    [
        "<p>Salt nightsky, salty nights, Salt Museums</p>",
        '<a href="https://notsaltmuseum.example/">x</a>',
        '<a href="https://florist.example/">x</a>',
        "<p>{{ organization.postal_address }} {{ organization.name }}</p>",
    ],
)
def test_what_only_looks_like_it_passes(in_florist: Organization, rival: Organization, html: str) -> None:
    assert problems(in_florist, html) == ()


def test_what_a_client_claims_for_itself_is_its_own(in_florist: Organization, rival: Organization) -> None:
    in_florist.watch_words = ["Salt Nights"]
    in_florist.web_hosts = ["saltmuseum.example"]
    in_florist.save()

    assert problems(in_florist, '<a href="https://www.saltmuseum.example/">Salt Nights</a>') == ()


def test_a_name_of_one_word_is_a_warning(in_florist: Organization, museum: Organization) -> None:
    (found,) = problems(in_florist, "<p>The Museum is open. A museum visit.</p>")

    assert (found.level, "names another client" in found.message) == (Level.WARNING, True)


def test_words_of_the_html_are_read_where_the_author_wrote_a_plain_text_too(
    in_florist: Organization, rival: Organization
) -> None:
    template = factories.make_template(
        in_florist, html="<p>Greetings from the Salt Museum</p>" + WAY_OUT, text="Hi {{ system.unsubscribe_url }}"
    )
    campaign = factories.make_campaign(in_florist, template=template)
    check = next(one for one in checks() if one.code == "wrong_client")
    assert [problem.level for problem in check.problems(Case(campaign))] == [Level.STOP]
