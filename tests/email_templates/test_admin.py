"""The template pages: editor, preview, starters."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from core.contacts.models import ContactField
from core.email_templates.models import EmailTemplate, StarterTemplate
from tests.support import factories

LIST = "/admin/email_templates/emailtemplate/"
WAY_OUT = '<a href="{{ system.unsubscribe_url }}">Leave</a>'


@pytest.fixture
def browser(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.MANAGER))


@pytest.fixture
def viewer(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.VIEWER))


@pytest.fixture
def starter(db: None) -> StarterTemplate:
    return StarterTemplate.objects.create(name="Simple", slug="simple", subject="S", html=f"<p>Simple</p>{WAY_OUT}")


def fields(**changes: str) -> dict[str, str]:
    return {"name": "News", "category": "other", "subject": "News", "html": f"<p>Hi</p>{WAY_OUT}", **changes}


def test_add_saves_a_template_of_the_current_client(in_florist: Organization, browser: Client) -> None:
    assert browser.post(f"{LIST}add/", fields()).status_code == 302

    assert EmailTemplate.objects.get().organization_id == in_florist.pk


def test_save_with_an_unknown_tag_keeps_what_was_typed_and_says_where(
    in_florist: Organization, browser: Client
) -> None:
    answer = browser.post(f"{LIST}add/", fields(html="<p>\n{{ contact.frist_name }}</p>"))

    content = answer.content.decode()
    assert answer.status_code == 200
    assert "Line 2:" in content and "Did you mean {{ contact.first_name }}?" in content
    assert "contact.frist_name" in content
    assert not EmailTemplate.objects.exists()


def test_save_without_a_way_out_is_allowed_for_work_in_progress(in_florist: Organization, browser: Client) -> None:
    assert browser.post(f"{LIST}add/", fields(html="<p>Soon</p>")).status_code == 302


def test_delete_of_a_template_in_use_says_by_which_campaign(in_florist: Organization, browser: Client) -> None:
    campaign = factories.make_campaign(in_florist, name="Spring offer")

    for ask in (browser.get, browser.post):
        answer = ask(f"{LIST}{campaign.template_id}/delete/", {"post": "yes"}, follow=True)
        assert "cannot be deleted: “Spring offer” uses it" in answer.content.decode()

    assert EmailTemplate.objects.filter(pk=campaign.template_id).exists()


def test_delete_of_an_unused_template_works(in_florist: Organization, browser: Client) -> None:
    template = factories.make_template(in_florist)

    browser.post(f"{LIST}{template.pk}/delete/", {"post": "yes"})

    assert not EmailTemplate.objects.exists()


def test_preview_fills_in_the_person_and_lists_the_findings(in_florist: Organization, browser: Client) -> None:
    asked = fields(html="<p>Hi {{ contact.first_name }} of {{ organization.name }}</p>", client=str(in_florist.pk))

    answer = browser.post(f"{LIST}preview/", {**asked, "values": json.dumps({"contact.first_name": "<b>Eve</b>"})})

    data = answer.json()
    assert "no-store" in answer["Cache-Control"]
    assert "Hi <b>Eve</b> of Florist" in data["mail"]["text"]
    assert "&lt;b&gt;Eve&lt;/b&gt;" in browser.get(data["mail"]["frame_url"]).content.decode()
    assert [item["field"] for item in data["findings"] if item["level"] != "hint"] == ["html"]


def test_preview_frame_can_run_nothing(in_florist: Organization, browser: Client) -> None:
    html = (
        "<script>alert(1)</script><p onclick='alert(2)'>Hi</p><a href='javascript:alert(3)'>x</a>"
        "<iframe src='https://evil.example/'></iframe><img src=x onerror=alert(4) alt=''>"
    )
    mail = browser.post(f"{LIST}preview/", fields(html=html, client=str(in_florist.pk))).json()["mail"]

    frame = browser.get(mail["frame_url"])

    content, policy = frame.content.decode(), frame["Content-Security-Policy"]
    assert not any(word in content for word in ("alert", "<script", "javascript:", "<iframe"))
    assert "default-src 'none'" in policy and "script-src 'none'" in policy and "sandbox" in policy
    assert "allow-scripts" not in policy
    assert frame["X-Frame-Options"] == "SAMEORIGIN"


def test_preview_frame_of_another_person_is_not_found(
    in_florist: Organization, browser: Client, viewer: Client
) -> None:
    mail = browser.post(f"{LIST}preview/", fields(client=str(in_florist.pk))).json()["mail"]

    assert viewer.get(mail["frame_url"]).status_code == 404


def test_preview_with_mistakes_has_findings_and_no_mail(in_florist: Organization, browser: Client) -> None:
    data = browser.post(f"{LIST}preview/", fields(html="{{ settings.SECRET_KEY }}", client=str(in_florist.pk))).json()

    assert "mail" not in data
    assert data["findings"][0]["level"] == "error"


@pytest.mark.parametrize("values", ["[1]", "no json", '{"contact.first_name": 5}', '{"organization.name": "Forged"}'])
def test_preview_with_strange_values_ignores_them(in_florist: Organization, browser: Client, values: str) -> None:
    asked = fields(html="<p>{{ contact.first_name }} {{ organization.name }}</p>", client=str(in_florist.pk))

    text = browser.post(f"{LIST}preview/", {**asked, "values": values}).json()["mail"]["text"]

    assert text.strip() == "Ada Florist"


def test_preview_for_another_client_is_not_found(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    assert browser.post(f"{LIST}preview/", fields(client=str(museum.pk))).status_code == 404
    assert browser.get(f"{LIST}preview/").status_code == 400


def test_starters_are_shown_and_copied_by_post_only(
    in_florist: Organization, browser: Client, starter: StarterTemplate
) -> None:
    assert "Simple" in browser.get(f"{LIST}starters/").content.decode()
    look = browser.get(f"{LIST}starters/{starter.pk}/look/")
    assert "sandbox" in look["Content-Security-Policy"] and "Simple" in look.content.decode()

    browser.get(f"{LIST}starters/{starter.pk}/copy/")
    assert not EmailTemplate.objects.exists()

    answer = browser.post(f"{LIST}starters/{starter.pk}/copy/")
    assert answer["Location"] == f"{LIST}{EmailTemplate.objects.get().pk}/change/"


def test_starters_cannot_be_copied_by_a_viewer(
    in_florist: Organization, viewer: Client, starter: StarterTemplate
) -> None:
    assert viewer.get(f"{LIST}starters/").status_code == 403
    assert viewer.post(f"{LIST}starters/{starter.pk}/copy/").status_code == 403
    assert not EmailTemplate.objects.exists()


def test_starters_are_edited_by_superusers_only(
    superuser: User,
    signed_in: Callable[[User], Client],
    florist: Organization,
    starter: StarterTemplate,
    member: Callable[..., User],
) -> None:
    address = f"/admin/email_templates/startertemplate/{starter.pk}/change/"

    assert signed_in(superuser).get(address).status_code == 200
    assert signed_in(member(Role.OWNER)).get(address).status_code == 403


def test_duplicate_asks_first(in_florist: Organization, browser: Client) -> None:
    template = factories.make_template(in_florist)

    assert browser.get(f"{LIST}{template.pk}/duplicate/").status_code == 200
    assert EmailTemplate.objects.count() == 1
    browser.post(f"{LIST}{template.pk}/duplicate/")
    assert EmailTemplate.objects.count() == 2


def test_pages_of_another_clients_template_show_nothing(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    with organization_scope(museum):
        foreign = factories.make_template(museum, "Canary")

    for action in ("change", "delete", "duplicate"):
        assert "Canary" not in browser.get(f"{LIST}{foreign.pk}/{action}/", follow=True).content.decode()


def test_viewer_sees_the_template_and_its_preview_but_no_form(in_florist: Organization, viewer: Client) -> None:
    template = factories.make_template(in_florist)

    content = viewer.get(f"{LIST}{template.pk}/change/").content.decode()

    assert "data-preview" in content and 'name="html"' not in content


def test_preview_warns_about_fields_the_client_does_not_have_and_offers_its_own(
    in_florist: Organization, browser: Client
) -> None:
    ContactField.objects.create(organization=in_florist, key="city", label="Home town")
    html = f"{{{{ contact.attributes.citty }}}} {{{{ contact.attributes.city }}}} {WAY_OUT}"
    data = browser.post(f"{LIST}preview/", fields(html=html, client=str(in_florist.pk))).json()

    (finding,) = [item for item in data["findings"] if item["level"] == "warning"]
    assert (finding["code"], finding["suggestion"]) == ("unknown_field", "{{ contact.attributes.city }}")
    assert "[Home town]" in data["mail"]["text"]
    assert "Home town" in browser.get(f"{LIST}add/").content.decode()


@pytest.mark.parametrize(("sample", "words"), [("longest", "Maximiliana"), ("empty", "Hi []"), ("x", "Hi [Ada]")])
def test_preview_as_a_sample_person(in_florist: Organization, browser: Client, sample: str, words: str) -> None:
    asked = fields(html=f"<p>Hi [{{{{ contact.first_name }}}}]</p>{WAY_OUT}", client=str(in_florist.pk), sample=sample)
    assert words in browser.post(f"{LIST}preview/", asked).json()["mail"]["text"]


def test_preview_frame_in_the_dark_and_without_pictures(in_florist: Organization, browser: Client) -> None:
    html = (
        "<html><head><style>@media (prefers-color-scheme: dark){p{color:#fff}}</style></head>"
        f'<body><p>Hi</p><img src="https://a.example/x.png" alt="Roses">{WAY_OUT}</body></html>'
    )
    mail = browser.post(f"{LIST}preview/", fields(html=html, client=str(in_florist.pk))).json()["mail"]
    plain, dark = (browser.get(mail["frame_url"] + query).content.decode() for query in ("", "?dark=1&imageless=1"))

    assert mail["has_dark_rules"] is True
    assert "color-scheme:light" in plain and "https://a.example/x.png" in plain
    assert "(min-width:0)" in dark and "a.example" not in dark and 'alt="Roses"' in dark


def test_preview_lists_the_links_with_what_is_wrong(in_florist: Organization, browser: Client) -> None:
    html = f'<a href="http://shop.example/">Shop</a>{WAY_OUT}'
    links = browser.post(f"{LIST}preview/", fields(html=html, client=str(in_florist.pk))).json()["links"]

    assert [(link["text"], link["target"], len(link["remarks"])) for link in links] == [
        ("Shop", "http://shop.example/", 1),
        ("Leave", "{{ system.unsubscribe_url }}", 0),
    ]
