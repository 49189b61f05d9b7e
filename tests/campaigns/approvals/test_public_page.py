"""The client's page: what a link shows, what strangers get, what answers do, and that looking decides nothing."""

import datetime
import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from core.accounts.choices import ApprovalPolicy
from core.accounts.models import AuditEvent, Organization
from core.campaigns.approvals import views
from core.campaigns.approvals.links import approval_path
from core.campaigns.approvals.services import approval_recheck, approval_remind, approval_withdraw
from core.campaigns.models import Approval, ApprovalComment, Campaign
from core.campaigns.states import ApprovalState, CampaignStatus
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.contacts.public import rate_limit
from core.email_templates.models import EmailTemplate
from tests.campaigns.approvals.world import World, make_world

S = CampaignStatus


@pytest.fixture
def world(florist: Organization) -> World:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.CLIENT)
        world.client_link()
    return world


@pytest.fixture
def link(world: World) -> str:
    return approval_path(stored(world))


@pytest.fixture
def visitor() -> Client:
    return Client(enforce_csrf_checks=True)


def stored(world: World) -> Approval:
    with all_organizations(reason="test"):
        return Approval.objects.select_related("campaign").filter(campaign=world.campaign).order_by("-id")[0]


def status(world: World) -> str:
    return stored(world).campaign.status


def test_page_shows_mail_audience_and_who_asks(world: World, link: str, visitor: Client) -> None:
    answer = visitor.get(link)
    page = answer.content.decode()
    assert answer.status_code == 200
    for words in ("Please look at this mail", "Ada Author", "News from Florist", "2 people", "Newsletter", "Approve"):
        assert words in page, words
    assert "hello@florist.example" in page and f"{link}/mail/0" in page and 'maxlength="2000"' in page
    assert answer.cookies == {} and "csrfmiddlewaretoken" not in page


def test_page_policy_lets_nothing_foreign_in(link: str, visitor: Client) -> None:
    answer = visitor.get(link)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script-src 'self';" in policy
    assert "unsafe" not in policy and "http:" not in policy
    assert "style=" not in answer.content.decode() and " onclick" not in answer.content.decode()
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store, private", "no-referrer")
    frame = visitor.get(f"{link}/mail/0")
    assert "script-src 'none'" in frame["Content-Security-Policy"] and "sandbox" in frame["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in frame["Content-Security-Policy"]
    assert "Hello Ada" in frame.content.decode() and "pixel" not in frame.content.decode()


def test_looking_decides_nothing(world: World, link: str, visitor: Client) -> None:
    before = stored(world)
    with all_organizations(reason="test"):
        events = AuditEvent.objects.count()
    for path in (link, f"{link}?action=approve&name=Scanner", f"{link}/mail/0", f"{link}/mail/7"):
        visitor.get(path)
        visitor.head(path)
    after = stored(world)
    assert (after.state, after.decided_at, after.mail_due_at) == (before.state, None, before.mail_due_at)
    with all_organizations(reason="test"):
        assert AuditEvent.objects.count() == events


def test_approve_by_link_is_kept_with_name_and_address(world: World, link: str, visitor: Client) -> None:
    answer = visitor.post(link, {"action": "approve", "name": " Clara   Client "}, REMOTE_ADDR="203.0.113.9")
    assert (answer.status_code, answer["Location"]) == (303, link)
    approval = stored(world)
    assert (approval.state, approval.decided_by_name, approval.decided_from) == (
        "approved",
        "Clara Client",
        "203.0.113.9",
    )
    assert status(world) == S.APPROVED
    page = visitor.get(link).content.decode()
    assert "Clara Client approved this mail" in page and "You need not do anything more" in page
    assert "<form" not in page
    with all_organizations(reason="test"):
        event = AuditEvent.objects.get(action="approval.approved", object_id=str(approval.pk))
    assert event.actor_label == "Clara Client (by link)" and event.actor_id is None


def test_approve_twice_says_so_and_changes_nothing(world: World, link: str, visitor: Client) -> None:
    visitor.post(link, {"action": "approve", "name": "Clara Client"})
    again = visitor.post(link, {"action": "changes", "name": "Somebody", "text": "No"})
    assert again.status_code == 409
    assert "Somebody else was quicker" in again.content.decode()
    assert "Clara Client approved" in again.content.decode()
    assert stored(world).decided_by_name == "Clara Client" and status(world) == S.APPROVED


def test_ask_for_changes_by_link_leads_back_to_the_author(world: World, link: str, visitor: Client) -> None:
    visitor.post(link, {"action": "changes", "name": "Clara", "text": "New <b>price</b>"})
    assert (status(world), stored(world).answer) == (S.DRAFT, "New <b>price</b>")
    page = visitor.get(link).content.decode()
    assert "Changes were asked for" in page and "New &lt;b&gt;price" in page and "you get a new link" in page


def test_comment_by_link_is_pinned_and_shown(world: World, link: str, visitor: Client) -> None:
    spot = {"view": "phone", "variant": "0", "x": "480", "y": "1000"}
    answer = visitor.post(link, {"action": "comment", "name": "Clara", "text": "Old logo", **spot})
    assert answer.status_code == 303 and answer["Location"].endswith("?saved=1#comments")
    page = visitor.get(f"{link}?saved=1").content.decode()
    assert 'data-view="phone" data-variant="0" data-x="480" data-y="1000"' in page and "Old logo" in page
    assert "Your comment is saved" in page and 'value="Clara"' in page
    assert status(world) == S.IN_REVIEW


@pytest.mark.parametrize(
    "spot",
    [{}, {"view": "phone", "x": "a", "y": "1", "variant": "0"}, {"view": "x", "x": "1", "y": "1", "variant": "0"}],
)
def test_comment_with_a_spot_that_is_none_is_kept_without(
    world: World, link: str, visitor: Client, spot: dict[str, str]
) -> None:
    visitor.post(link, {"action": "comment", "name": "Clara", "text": "Hi", **spot})
    with all_organizations(reason="test"):
        assert ApprovalComment.objects.get().x is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"action": "approve", "name": ""}, "Write your name"),
        ({"action": "approve", "name": "x" * 101}, "name is too long"),
        ({"action": "comment", "name": "Clara", "text": ""}, "Write what you want to say"),
        ({"action": "comment", "name": "Clara", "text": "x" * 2_001}, "This is too long"),
        ({"action": "changes", "name": "Clara", "text": ""}, "Say what should change"),
    ],
)
def test_answer_with_something_missing_comes_back_with_a_sentence(
    world: World, link: str, visitor: Client, fields: dict[str, str], words: str
) -> None:
    answer = visitor.post(link, fields)
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page and 'role="alert"' in page
    assert stored(world).state == ApprovalState.OPEN


def test_answer_that_is_no_form_is_refused(world: World, link: str, visitor: Client) -> None:
    assert visitor.post(link, {"action": "delete", "name": "x"}).status_code == 400
    assert visitor.post(link, "{}", content_type="application/json").status_code == 400
    assert visitor.post(link, {"action": "comment", "text": "x" * views.LONGEST_BODY}).status_code == 400
    assert visitor.post(link, {"action": "delete", "name": "x"}, CONTENT_LENGTH="²").status_code == 400
    assert visitor.post(link, {"action": "comment", "name": "a\x00", "text": "b\x00"}).status_code == 303
    assert visitor.put(link).status_code == 405
    assert stored(world).state == ApprovalState.OPEN


def test_forged_and_foreign_tokens_lead_nowhere(world: World, link: str, visitor: Client) -> None:
    token = link.rsplit("/", 1)[1]
    payload = stored(world).pk.bytes + (2**39).to_bytes(5, "big")
    internal = None
    with all_organizations(reason="test"):
        internal = Approval.objects.get(campaign=world.campaign, stage="internal")
    tokens = [
        token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
        token + "A",
        "x",
        sign(Purpose.CONFIRM, payload),
        sign(Purpose.PREFERENCES, stored(world).pk.bytes),
        sign(Purpose.APPROVAL, payload[:16]),
        sign(Purpose.APPROVAL, bytes(16) + payload[16:]),
        sign(Purpose.APPROVAL, internal.pk.bytes + payload[16:]),
    ]
    pages = set()
    for forged in tokens:
        for answer in (
            visitor.get(f"/approve/{forged}"),
            visitor.post(f"/approve/{forged}", {"action": "approve", "name": "Mallory"}),
            visitor.get(f"/approve/{forged}/mail/0"),
        ):
            assert answer.status_code == 404, forged
            pages.add(re.sub(r'nonce="[^"]+"', "", answer.content.decode()))
    assert len(pages) == 1
    assert stored(world).state == ApprovalState.OPEN


def test_link_past_its_time_says_so(world: World, visitor: Client) -> None:
    with all_organizations(reason="test"):
        Approval.objects.filter(pk=stored(world).pk).update(expires_at=timezone.now() - datetime.timedelta(minutes=1))
    link = approval_path(stored(world))
    assert "The time to answer is over" in visitor.get(link).content.decode()
    answer = visitor.post(link, {"action": "approve", "name": "Clara"})
    assert answer.status_code == 410 and status(world) == S.IN_REVIEW
    assert visitor.get(f"{link}/mail/0").status_code == 404


def test_older_link_after_a_reminder_points_at_the_newer(world: World, florist: Organization, visitor: Client) -> None:
    with organization_scope(florist):
        Approval.objects.filter(pk=stored(world).pk).update(expires_at=timezone.now() - datetime.timedelta(minutes=1))
        older = approval_path(stored(world))
        approval_remind(approval_id=stored(world).pk, by=world.author)
    page = visitor.get(older).content.decode()
    assert "There is a newer link" in page
    assert visitor.post(older, {"action": "approve", "name": "Clara"}).status_code == 410
    assert visitor.get(approval_path(stored(world))).status_code == 200


def test_link_after_withdrawal_says_so(world: World, florist: Organization, link: str, visitor: Client) -> None:
    with organization_scope(florist):
        approval_withdraw(campaign_id=world.campaign.pk, by=world.author)
    assert "The team took this back" in visitor.get(link).content.decode()
    answer = visitor.post(link, {"action": "approve", "name": "Clara"})
    assert answer.status_code == 409 and status(world) == S.DRAFT


def test_link_after_an_edit_names_what_changed(world: World, florist: Organization, link: str, visitor: Client) -> None:
    with all_organizations(reason="test"):
        Campaign.objects.filter(pk=world.campaign.pk).update(from_name="Another")
    page = visitor.get(link).content.decode()
    assert "This mail was edited" in page and "(sender)" in page and "<form" not in page
    answer = visitor.post(link, {"action": "approve", "name": "Clara"})
    assert answer.status_code == 409 and "(sender)" in answer.content.decode()
    assert (stored(world).state, status(world)) == (ApprovalState.REVOKED, S.DRAFT)
    with organization_scope(florist):
        assert approval_recheck(campaign_id=world.campaign.pk) == []


def test_page_of_content_that_cannot_be_read_any_more_says_it_was_edited(
    world: World, link: str, visitor: Client
) -> None:
    with all_organizations(reason="test"):
        EmailTemplate.objects.filter(pk=world.campaign.template_id).update(html="{{ nobody.knows }}")
    answer = visitor.get(link)
    assert answer.status_code == 200 and "This mail was edited" in answer.content.decode()


def test_page_speaks_spanish_when_the_approver_does(florist: Organization, visitor: Client) -> None:
    with organization_scope(florist):
        world = make_world(florist)
        world.ask(language="es")
        link = approval_path(world.agree())
    page = visitor.get(link).content.decode()
    assert '<html lang="es">' in page and "Revise este correo" in page and "2 personas" in page
    assert "Escriba su nombre" in visitor.post(link, {"action": "approve"}).content.decode()


def test_answers_are_limited_an_hour(world: World, link: str, visitor: Client) -> None:
    key = f"public:approval:{stored(world).pk}"
    cache.set(key, rate_limit.POSTS_PER_LINK, timeout=60)
    answer = visitor.post(link, {"action": "approve", "name": "Clara"})
    assert answer.status_code == 429 and stored(world).state == ApprovalState.OPEN
    cache.set(f"public:approval-view:{stored(world).pk}", views.VIEWS_PER_LINK, timeout=60)
    assert visitor.get(link).status_code == 429
    assert visitor.get(f"{link}/mail/0").status_code == 429
