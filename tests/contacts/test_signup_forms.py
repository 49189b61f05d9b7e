"""Signup forms as visitors, scanners and programs meet them, up to the confirmed contact; and their pages for staff."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries
from redis.exceptions import ConnectionError as RedisConnectionError

from core.accounts.choices import OrganizationStatus, Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.contacts.choices import (
    ConsentBasis,
    ConsentChange,
    ContactStatus,
    FieldKind,
    SignupState,
    SuppressionKind,
    SuppressionReason,
)
from core.contacts.models import (
    AgencySuppression,
    ConsentEvent,
    Contact,
    ContactField,
    ContactGroup,
    SignupForm,
    SignupFormGroup,
    SignupRequest,
    Suppression,
)
from core.contacts.public import rate_limit
from core.contacts.public.links import preferences_path, signup_path
from core.contacts.public.signup_page import frame_snippet, html_snippet
from core.contacts.services.contacts import contacts_delete
from core.contacts.services.signups import (
    MAILS_PER_ADDRESS,
    signup_admit,
    signup_requests_prune,
    signup_resend,
)
from core.contacts.suppression_keys import address_hash, suppression_key
from tests.contacts import visitors
from tests.contacts.visitors import ADDRESS, ask, confirm, contact_of, page, requests, visitor
from tests.support import factories

KEY = ADDRESS.casefold()


@pytest.fixture
def group(florist: Organization) -> ContactGroup:
    with organization_scope(florist):
        return factories.make_group(florist, "Readers")


@pytest.fixture
def form(florist: Organization, group: ContactGroup) -> SignupForm:
    with organization_scope(florist):
        for key, kind in (("age", FieldKind.NUMBER), ("born", FieldKind.DATE), ("vip", FieldKind.BOOLEAN)):
            ContactField.objects.create(organization=florist, key=key, label=key.title(), kind=kind)
        ContactField.objects.create(
            organization=florist, key="size", label="Size", kind=FieldKind.CHOICE, choices=["Small", "Large"]
        )
        asked = ["first_name", "phone", "attributes.age", "attributes.born", "attributes.vip", "attributes.size"]
        return visitors.make_form(florist, group, asked_fields=asked)


def contacts(organization: Organization) -> int:
    with organization_scope(organization):
        return Contact.objects.count()


def suppress(organization: Organization, reason: SuppressionReason, kind: Any = SuppressionKind.ADDRESS) -> None:
    values = {
        SuppressionKind.ADDRESS: KEY,
        SuppressionKind.DOMAIN: "people.example",
        SuppressionKind.ERASED: address_hash(KEY),
    }
    with organization_scope(organization):
        Suppression.objects.create(
            organization=organization, kind=kind, key=suppression_key(kind, values[kind]), reason=reason
        )


def is_suppressed(organization: Organization) -> bool:
    with organization_scope(organization):
        return Suppression.objects.exists()


# --- The form ---------------------------------------------------------------------------------------------------------


def test_form_shows_the_clients_words_under_a_strict_policy(form: SignupForm) -> None:
    response = visitor().get(signup_path(form.pk))
    policy = response["Content-Security-Policy"]
    assert response.status_code == 200
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert "no-store" in response["Cache-Control"] and not response.cookies
    assert "Our newsletter" in page(response) and visitors.CONSENT in page(response)
    assert "<script" not in page(response) and "admin" not in page(response)


def test_form_in_a_frame_may_be_framed_by_any_site(form: SignupForm) -> None:
    response = visitor().get(f"{signup_path(form.pk)}/frame")
    assert "frame-ancestors http: https:" in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response


def test_form_needs_few_queries(form: SignupForm, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(3):
        assert visitor().get(signup_path(form.pk)).status_code == 200


def test_form_in_spanish_speaks_spanish_whatever_the_browser_says(florist: Organization) -> None:
    with organization_scope(florist):
        form = visitors.make_form(florist, language="es", asked_fields=["first_name"])
    answer = ask(form, "nobody", client=visitor(**{"Accept-Language": "en"}))
    assert '<html lang="es">' in page(answer) and "Nombre" in page(answer)
    assert "No es una dirección de correo completa" in page(answer)
    assert "Mire su correo" in page(ask(form))


def test_closed_form_takes_nothing(form: SignupForm) -> None:
    with all_organizations(reason="test"):
        SignupForm.objects.update(is_active=False)
    assert visitor().get(signup_path(form.pk)).status_code == 410
    assert ask(form).status_code == 410
    assert requests() == []


def test_form_of_a_suspended_client_takes_nothing(form: SignupForm) -> None:
    with all_organizations(reason="test"):
        Organization.objects.update(status=OrganizationStatus.SUSPENDED)
    assert ask(form).status_code == 410


@pytest.mark.parametrize("kind", ["forged", "other purpose", "no form", "nonsense"])
def test_token_that_names_no_form_is_not_found(form: SignupForm, kind: str) -> None:
    good = signup_path(form.pk)
    path = {
        "forged": good[:-3] + ("AAA" if not good.endswith("AAA") else "BBB"),
        "other purpose": f"/subscribe/{sign(Purpose.PREFERENCES, form.pk.bytes)}",
        "no form": f"/subscribe/{sign(Purpose.SIGNUP_FORM, b'0' * 16)}",
        "nonsense": "/subscribe/%00%ff",
    }[kind]
    assert visitor().get(path).status_code == 404
    assert visitor().post(path, {"email": ADDRESS}).status_code == 404


# --- Asking -----------------------------------------------------------------------------------------------------------


def test_ask_makes_a_request_that_waits_for_its_mail_and_no_contact(form: SignupForm, florist: Organization) -> None:
    answer = ask(form, first_name=" Ana ", **{"attributes.age": "42", "attributes.vip": "yes"})
    assert answer.status_code == 200 and "Check your inbox" in page(answer) and ADDRESS in page(answer)
    (request,) = requests()
    assert (request.email, request.email_key, request.state) == (ADDRESS, KEY, SignupState.WAITING)
    assert request.values == {"first_name": "Ana", "attributes.age": 42, "attributes.vip": True}
    assert (request.consent_text, request.network) == (visitors.CONSENT, "203.0.113.0/24")
    assert request.due_at <= timezone.now()
    assert contacts(florist) == 0


def test_ask_in_the_frame_stays_in_the_frame(form: SignupForm) -> None:
    posted = {"email": ADDRESS, "agree": "yes", "stamp": visitors.stamp(form)}
    answer = visitor().post(f"{signup_path(form.pk)}/frame", posted)
    assert "Check your inbox" in page(answer)
    assert "frame-ancestors http: https:" in answer["Content-Security-Policy"]
    assert len(requests()) == 1


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"email": ""}, "email"),
        ({"email": "ana@people"}, "email"),
        ({"email": "x" * 5000 + "@people.example"}, "email"),
        ({"agree": ""}, "agree"),
        ({"first_name": "A" * 101}, "first_name"),
        ({"attributes.age": "many"}, "attributes.age"),
        ({"attributes.born": "tomorrow"}, "attributes.born"),
        ({"attributes.size": "Enormous"}, "attributes.size"),
    ],
)
def test_ask_with_something_wrong_says_so_beside_the_field_and_keeps_the_rest(
    form: SignupForm, fields: dict[str, str], name: str
) -> None:
    answer = ask(form, fields.pop("email", ADDRESS), phone="986 000 000", **fields)
    assert answer.status_code == 422
    field = re.search(
        rf'<input[^>]*name="{re.escape(name)}"[^>]*>|<select[^>]*name="{re.escape(name)}"[^>]*>', page(answer)
    )
    assert field and 'aria-invalid="true"' in field[0]
    described_by = re.search(r'aria-describedby="([^"]+)"', field[0])
    assert described_by and f'id="{described_by[1]}"' in page(answer)
    html_id = re.search(r' id="([^"]+)"', field[0])
    assert html_id and f'href="#{html_id[1]}"' in page(answer)
    assert "986 000 000" in page(answer)
    assert requests() == []


def test_ask_with_markup_and_control_characters_is_kept_as_text(form: SignupForm) -> None:
    answer = ask(form, "nobody", first_name='<b>"A\x00na</b>')
    assert escape('<b>"A na</b>') in page(answer) and "<b>" not in page(answer)
    ask(form, first_name="A\x00\r\nna")
    assert requests()[0].values["first_name"] == "A na"


@pytest.mark.parametrize(
    "state", ["known", "unsubscribed", "complained", "suppressed", "domain", "agency", "erased", "over the limit"]
)
def test_ask_answers_the_same_whoever_the_address_belongs_to(
    form: SignupForm, florist: Organization, state: str
) -> None:
    unknown = page(ask(form, "some.body@people.example")).replace("some.body@people.example", "")
    with organization_scope(florist):
        if state in ("known", "unsubscribed", "complained"):
            statuses = {"known": ContactStatus.SUBSCRIBED}
            factories.make_contact(florist, ADDRESS, status=statuses.get(state, state))
        if state == "agency":
            AgencySuppression.objects.create(key=suppression_key(SuppressionKind.ADDRESS, KEY))
        if state == "over the limit":
            for _ in range(MAILS_PER_ADDRESS):
                ask(form)
                SignupRequest.objects.update(created_at=timezone.now() - datetime.timedelta(hours=1))
    if state in ("suppressed", "domain", "erased"):
        kinds = {"domain": SuppressionKind.DOMAIN, "erased": SuppressionKind.ERASED}
        suppress(florist, SuppressionReason.MANUAL, kinds.get(state, SuppressionKind.ADDRESS))
    before = len(requests())
    answer = ask(form)
    assert answer.status_code == 200
    assert without_nonce(page(answer).replace(ADDRESS, "")) == without_nonce(unknown)
    assert len(requests()) - before == (0 if state == "over the limit" else 1)


def without_nonce(text: str) -> str:
    return re.sub(r'nonce="[^"]+"', "", text)


def test_ask_twice_within_minutes_is_one_request(form: SignupForm) -> None:
    ask(form)
    ask(form, ADDRESS.upper())
    assert len(requests()) == 1


def test_ask_again_after_a_while_is_a_new_request(form: SignupForm) -> None:
    ask(form)
    with all_organizations(reason="test"):
        SignupRequest.objects.update(created_at=timezone.now() - datetime.timedelta(minutes=11))
    ask(form)
    assert len(requests()) == 2


def test_ask_too_often_for_one_address_makes_no_more_mails(form: SignupForm) -> None:
    for _ in range(MAILS_PER_ADDRESS + 2):
        assert ask(form).status_code == 200
        with all_organizations(reason="test"):
            SignupRequest.objects.update(state=SignupState.FAILED)
    assert len(requests()) == MAILS_PER_ADDRESS


def test_honeypot_filled_gets_the_same_words_and_nothing_else(form: SignupForm) -> None:
    caught = ask(form, fax_number="123")
    assert without_nonce(page(caught)) == without_nonce(page(ask(form)))
    assert len(requests()) == 1


@pytest.mark.parametrize("kind", ["missing", "too quick", "too old", "of another form", "forged"])
def test_answer_without_a_good_stamp_is_shown_once_more_with_all_that_was_typed(
    form: SignupForm, florist: Organization, kind: str
) -> None:
    with organization_scope(florist):
        other = visitors.make_form(florist, name="Other")
    given = {
        "missing": None,
        "too quick": visitors.stamp(form, age_seconds=0.2),
        "too old": visitors.stamp(form, age_seconds=90_000),
        "of another form": visitors.stamp(other),
        "forged": visitors.stamp(form)[:-2] + "AA",
    }[kind]
    answer = ask(form, first_name="Ana", stamp=given, **{"attributes.size": "Large"})
    text = page(answer)
    assert answer.status_code == 200 and "One more look" in text
    assert requests() == []
    assert f'value="{ADDRESS}"' in text and 'value="Ana"' in text and "<option selected>Large</option>" in text
    assert re.search(r'name="agree" value="yes" required checked', text)


def test_limit_of_a_network_answers_429_in_words_and_not_for_others(
    form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "POSTS_PER_NETWORK", 2)
    answers = [ask(form, f"p{number}@people.example") for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Too many requests" in page(answers[2]) and "Try again in an hour" in page(answers[2])
    elsewhere = Client(REMOTE_ADDR="198.51.100.9")
    assert ask(form, client=elsewhere).status_code == 200


def test_limit_of_a_form_answers_429(form: SignupForm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "POSTS_PER_FORM", 1)
    assert ask(form, client=Client(REMOTE_ADDR="198.51.100.9")).status_code == 200
    assert ask(form, client=Client(REMOTE_ADDR="192.0.2.9")).status_code == 429


def test_without_redis_people_get_through_and_a_flood_does_not(
    form: SignupForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RedisConnectionError("away")

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(rate_limit, "POSTS_PER_NETWORK", 2)
    monkeypatch.setattr(rate_limit, "_own_counts", rate_limit._OwnCounts())
    statuses = [ask(form, f"p{number}@people.example").status_code for number in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("email=" + "x" * 40_000, "application/x-www-form-urlencoded"),
        ('{"email": "a@b.example"}', "application/json"),
        ("", "text/plain"),
        ("nonsense", "multipart/form-data; boundary=x"),
    ],
)
def test_body_that_is_no_form_is_refused_in_words(form: SignupForm, body: str, content_type: str) -> None:
    answer = visitor().post(signup_path(form.pk), body, content_type=content_type)
    assert answer.status_code in (400, 422)
    assert requests() == []


# --- Confirming -------------------------------------------------------------------------------------------------------


def test_scanner_that_opens_the_link_changes_nothing(form: SignupForm, florist: Organization) -> None:
    ask(form)
    path = visitors.confirm_path(requests()[0])
    for method in ("get", "head"):
        assert getattr(visitor(), method)(path).status_code == 200
    assert requests()[0].state == SignupState.WAITING and contacts(florist) == 0
    assert "Yes, subscribe me" in page(visitor().get(path))


def test_confirm_makes_the_contact_with_consent_groups_and_values(
    form: SignupForm, florist: Organization, group: ContactGroup
) -> None:
    ask(form, first_name="Ana", phone="+34 986 000 000", **{"attributes.size": "Large"})
    answer = confirm(requests()[0])
    assert "You are subscribed" in page(answer)
    contact = contact_of(florist)
    assert (contact.first_name, contact.status, contact.source) == ("Ana", "subscribed", "Form Newsletter form")
    assert (contact.attributes, contact.phone_e164, contact.language) == ({"size": "Large"}, "+34986000000", "en")
    assert (contact.consent_basis, contact.consent_source) == (ConsentBasis.DOUBLE_OPT_IN, "Form Newsletter form")
    assert contact.address_hash == address_hash(KEY)
    assert preferences_path(contact.pk) in page(answer)
    with organization_scope(florist):
        assert group.group_memberships.get().contact_id == contact.pk
        event = ConsentEvent.objects.get(contact=contact)
        assert (event.change, event.wording, event.network) == (
            ConsentChange.CONFIRMED,
            visitors.CONSENT,
            "203.0.113.0/24",
        )
        assert event.occurred_at == contact.consent_at
        audit = AuditEvent.objects.get(action="contact.signed_up")
        assert (audit.actor_label, audit.ip_address) == ("recipient", None)
    assert requests()[0].state == SignupState.CONFIRMED and requests()[0].contact_id == contact.pk


def test_confirm_twice_is_confirmed_once(form: SignupForm, florist: Organization) -> None:
    ask(form)
    confirm(requests()[0])
    with organization_scope(florist):
        Contact.objects.update(first_name="Changed since")
    assert "You are subscribed" in page(confirm(requests()[0]))
    with organization_scope(florist):
        assert ConsentEvent.objects.count() == 1
    assert contact_of(florist).first_name == "Changed since"


def test_confirm_fills_what_is_empty_and_overwrites_nothing(form: SignupForm, florist: Organization) -> None:
    with organization_scope(florist):
        factories.make_contact(florist, ADDRESS, first_name="Ana María", attributes={"age": 40, "size": ""})
    ask(form, first_name="A", **{"attributes.age": "41", "attributes.size": "Small"})
    confirm(requests()[0])
    contact = contact_of(florist)
    assert (contact.first_name, contact.attributes) == ("Ana María", {"age": 40, "size": "Small"})
    assert contacts(florist) == 1


def test_confirm_keeps_what_an_import_said_about_consent(form: SignupForm, florist: Organization) -> None:
    imported_at = timezone.now() - datetime.timedelta(days=100)
    with organization_scope(florist):
        factories.make_contact(
            florist, ADDRESS, consent_at=imported_at, consent_basis=ConsentBasis.CONTRACT, consent_source="CRM"
        )
    ask(form)
    confirm(requests()[0])
    with organization_scope(florist):
        old, new = ConsentEvent.objects.order_by("id")
    assert (old.change, old.basis, old.source, old.occurred_at) == ("given", "contract", "CRM", imported_at)
    assert new.change == ConsentChange.CONFIRMED


@pytest.mark.parametrize("status", [ContactStatus.UNSUBSCRIBED, ContactStatus.BOUNCED, ContactStatus.PENDING])
def test_confirm_brings_back_who_is_away_by_own_wish_or_bounce(
    form: SignupForm, florist: Organization, status: ContactStatus
) -> None:
    with organization_scope(florist):
        factories.make_contact(florist, ADDRESS, status=status)
    reason = SuppressionReason.BOUNCED if status == ContactStatus.BOUNCED else SuppressionReason.UNSUBSCRIBED
    suppress(florist, reason)
    ask(form)
    assert "You are subscribed" in page(confirm(requests()[0]))
    assert contact_of(florist).status == ContactStatus.SUBSCRIBED
    assert not is_suppressed(florist)


def test_confirm_of_an_erased_address_makes_a_new_contact(form: SignupForm, florist: Organization) -> None:
    suppress(florist, SuppressionReason.ERASED, SuppressionKind.ERASED)
    ask(form)
    assert "You are subscribed" in page(confirm(requests()[0]))
    assert contact_of(florist).status == ContactStatus.SUBSCRIBED and not is_suppressed(florist)


@pytest.mark.parametrize("kind", [SuppressionKind.ADDRESS, SuppressionKind.DOMAIN])
def test_confirm_against_a_suppression_of_others_changes_nothing_and_reveals_nothing(
    form: SignupForm, florist: Organization, kind: SuppressionKind
) -> None:
    ask(form)
    suppress(florist, SuppressionReason.MANUAL, kind)
    answer = confirm(requests()[0])
    assert "Please write to Florist" in page(answer) and "suppress" not in page(answer).lower()
    assert contacts(florist) == 0 and is_suppressed(florist)
    assert "suppression list" in requests()[0].problem


def test_confirm_against_the_agencys_list_or_a_complaint_is_refused(form: SignupForm, florist: Organization) -> None:
    ask(form)
    with organization_scope(florist):
        factories.make_contact(florist, ADDRESS, status=ContactStatus.COMPLAINED)
    assert "Please write to Florist" in page(confirm(requests()[0]))
    assert contact_of(florist).status == ContactStatus.COMPLAINED
    with all_organizations(reason="test"):
        Contact.objects.update(status=ContactStatus.UNSUBSCRIBED)
    AgencySuppression.objects.create(key=suppression_key(SuppressionKind.DOMAIN, "people.example"))
    assert "Please write to Florist" in page(confirm(requests()[0]))
    assert contact_of(florist).status == ContactStatus.UNSUBSCRIBED


def test_confirm_of_a_deleted_contact_brings_it_back(form: SignupForm, florist: Organization) -> None:
    with organization_scope(florist):
        contact = factories.make_contact(florist, ADDRESS, status=ContactStatus.UNSUBSCRIBED)
        contacts_delete(contact_ids=[contact.pk])
    ask(form)
    confirm(requests()[0])
    assert contact_of(florist).pk == contact.pk
    assert (contact_of(florist).deleted_at, contact_of(florist).status) == (None, ContactStatus.SUBSCRIBED)


def test_confirm_joins_a_topic_that_was_left_again(
    form: SignupForm, florist: Organization, group: ContactGroup
) -> None:
    with organization_scope(florist):
        factories.make_contact(florist, ADDRESS)
        Suppression.objects.create(
            organization=florist,
            group=group,
            key=suppression_key(SuppressionKind.ADDRESS, KEY),
            reason=SuppressionReason.UNSUBSCRIBED,
        )
    ask(form)
    confirm(requests()[0])
    assert not is_suppressed(florist)


def test_confirm_with_an_old_link_says_so_and_leads_to_the_form(form: SignupForm, florist: Organization) -> None:
    ask(form)
    made_at = int((timezone.now() - datetime.timedelta(days=8)).timestamp())
    path = f"/confirm/{sign(Purpose.CONFIRM, requests()[0].pk.bytes + made_at.to_bytes(5, 'big'))}"
    for answer in (visitor().get(path), visitor().post(path, {"confirm": "yes"})):
        assert answer.status_code == 410 and "too old" in page(answer) and signup_path(form.pk) in page(answer)
    assert contacts(florist) == 0


@pytest.mark.parametrize("payload", [b"x" * 21, b"short"])
def test_confirm_with_a_link_that_names_nothing_is_not_found(form: SignupForm, payload: bytes) -> None:
    ask(form)
    assert visitor().post(f"/confirm/{sign(Purpose.CONFIRM, payload)}", {"confirm": "yes"}).status_code == 404
    forged = visitors.confirm_path(requests()[0])[:-2] + "AA"
    assert visitor().post(forged, {"confirm": "yes"}).status_code == 404


def test_confirm_without_the_button_is_refused(form: SignupForm, florist: Organization) -> None:
    ask(form)
    assert visitor().post(visitors.confirm_path(requests()[0])).status_code == 400
    assert contacts(florist) == 0


def test_confirm_when_the_plan_is_full_keeps_the_request_until_staff_makes_room(
    form: SignupForm, florist: Organization
) -> None:
    with organization_scope(florist):
        subscription = florist_subscription(florist)
        subscription.plan.max_contacts = 0
        subscription.plan.save()
        ask(form)
        answer = confirm(requests()[0])
        assert "we have your confirmation" in page(answer) and contacts(florist) == 0
        (kept,) = requests()
        assert kept.confirmed_at is not None and "plan has 0 left" in kept.problem
        assert signup_admit(form_id=form.pk) == (0, 1)
        SignupRequest.objects.update(created_at=timezone.now() - datetime.timedelta(days=40))
        assert signup_requests_prune() == 0
        subscription.plan.max_contacts = 5
        subscription.plan.save()
        assert signup_admit(form_id=form.pk) == (1, 0)
    assert contact_of(florist).consent_at == kept.confirmed_at
    assert requests()[0].state == SignupState.CONFIRMED


def florist_subscription(organization: Organization) -> Any:
    from core.subscriptions.models import Subscription

    return Subscription.objects.select_related("plan").get(organization=organization)


def test_same_address_at_two_clients_is_two_people(
    form: SignupForm, florist: Organization, museum: Organization
) -> None:
    with organization_scope(museum):
        theirs = visitors.make_form(museum)
    suppress(museum, SuppressionReason.MANUAL)
    ask(form)
    ask(theirs)
    of_florist, of_museum = requests()
    assert "You are subscribed" in page(confirm(of_florist))
    assert "Please write to Museum" in page(confirm(of_museum))
    assert (contacts(florist), contacts(museum)) == (1, 0)


def test_prune_forgets_what_nobody_confirmed(form: SignupForm) -> None:
    ask(form)
    ask(form, "new@people.example")
    confirm(requests()[1])
    with all_organizations(reason="test"):
        SignupRequest.objects.update(created_at=timezone.now() - datetime.timedelta(days=31))
        ask(form, "young@people.example")
        assert signup_requests_prune() == 1
    assert [request.email for request in requests()] == ["new@people.example", "young@people.example"]


# --- Code for other sites ---------------------------------------------------------------------------------------------


def test_html_snippet_posts_to_the_form_and_escapes_the_clients_words(form: SignupForm, florist: Organization) -> None:
    form.consent_text = "Yes <please> & thanks"
    with organization_scope(florist):
        code = html_snippet(form)
    assert f'action="http://127.0.0.1:8000{signup_path(form.pk)}"' in code
    assert "Yes &lt;please&gt; &amp; thanks" in code
    names = set(re.findall(r'name="([^"]+)"', code))
    assert {"email", "agree", "first_name", "attributes.size", "fax_number"} <= names and "stamp" not in names


def test_frame_snippet_leads_to_the_page_for_frames(form: SignupForm) -> None:
    assert f'src="http://127.0.0.1:8000{signup_path(form.pk)}/frame"' in frame_snippet(form)


# --- For staff --------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.MANAGER))


def test_manager_makes_a_form_with_groups(manager: Client, florist: Organization, group: ContactGroup) -> None:
    fields = {
        "name": "Website",
        "title": "News",
        "introduction": "",
        "button": "Join",
        "consent_text": "I agree.",
        "asked_fields": ["first_name"],
        "language": "es",
        "groups": [str(group.pk)],
        "is_active": "on",
    }
    answer = manager.post(reverse("admin:contacts_signupform_add"), fields)
    assert answer.status_code == 302, page(answer)
    with organization_scope(florist):
        made = SignupForm.objects.get()
        assert (made.asked_fields, made.language) == (["first_name"], "es")
        assert SignupFormGroup.objects.get().group_id == group.pk
        change = reverse("admin:contacts_signupform_change", args=[made.pk])
        assert manager.post(change, {**fields, "groups": []}).status_code == 302
        assert not SignupFormGroup.objects.exists()
        assert AuditEvent.objects.filter(action="signupform.changed", changes__has_key="groups").count() == 2


def test_page_of_a_form_has_its_code_and_its_newest_requests(manager: Client, form: SignupForm) -> None:
    ask(form)
    text = page(manager.get(reverse("admin:contacts_signupform_change", args=[form.pk])))
    assert signup_path(form.pk) in text and "&lt;iframe" in text and ADDRESS in text


def test_page_of_a_form_says_loudly_that_no_mail_can_leave(
    manager: Client, form: SignupForm, florist: Organization
) -> None:
    from core.delivery.models import Connection

    change = reverse("admin:contacts_signupform_change", args=[form.pk])
    assert "No confirmation mail can be sent" not in page(manager.get(change))
    with organization_scope(florist):
        Connection.objects.update(is_default=False)
    assert "No confirmation mail can be sent" in page(manager.get(change))


def test_list_of_forms_counts_asked_and_confirmed(manager: Client, form: SignupForm) -> None:
    ask(form)
    ask(form, "b@people.example")
    confirm(requests()[0])
    assert "50.0 %" in page(manager.get(reverse("admin:contacts_signupform_changelist")))


def test_preview_shows_unsaved_words_and_may_be_framed_by_us_only(
    manager: Client, florist: Organization, museum: Organization
) -> None:
    address = reverse("admin:contacts_signupform_preview")
    asked = {"title": "Words <so far>", "client": str(florist.pk), "asked_fields": "first_name", "language": "xx"}
    answer = manager.get(address, asked)
    assert "Words &lt;so far&gt;" in page(answer) and "First name" in page(answer)
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert manager.get(address, {**asked, "client": str(museum.pk)}).status_code == 404
    with organization_scope(florist):
        assert not SignupForm.objects.exists()


def test_resend_is_asked_once_and_leaves_out_who_confirmed(
    manager: Client, form: SignupForm, florist: Organization
) -> None:
    ask(form)
    ask(form, "b@people.example")
    confirm(requests()[0])
    with organization_scope(florist):
        SignupRequest.objects.filter(pk=requests()[1].pk).update(state=SignupState.SENT, due_at=None)
    address = reverse("admin:contacts_signuprequest_changelist")
    selected = {"action": "resend_selected", "_selected_action": [str(request.pk) for request in requests()]}
    assert "Send again to 2 people" in page(manager.post(address, selected))
    assert requests()[1].state == SignupState.SENT
    manager.post(address, {**selected, "confirmed": "yes"})
    assert [request.state for request in requests()] == [SignupState.CONFIRMED, SignupState.WAITING]


def test_resend_of_a_request_that_waits_does_nothing(form: SignupForm, florist: Organization) -> None:
    ask(form)
    with organization_scope(florist):
        assert not signup_resend(request_id=requests()[0].pk)


def test_viewer_reads_forms_and_changes_none(
    member: Callable[..., User], signed_in: Callable[[User], Client], form: SignupForm
) -> None:
    viewer = signed_in(member(Role.VIEWER))
    change = reverse("admin:contacts_signupform_change", args=[form.pk])
    assert viewer.get(change).status_code == 200
    assert viewer.post(change, {"title": "Mine"}).status_code == 403
    assert viewer.get(reverse("admin:contacts_signupform_add")).status_code == 403
