"""Pages of the library: versions, blocks, copies to other clients, thumbnails and starters."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.models import EmailTemplate, EmailTemplateVersion, StarterTemplate, TemplateBlock
from tests.accounts.test_logos import picture
from tests.support import factories

LIST = "/admin/email_templates/emailtemplate/"
BLOCKS = "/admin/email_templates/templateblock/"
WAY_OUT = '<a href="{{ system.unsubscribe_url }}">Leave this list</a>'


@pytest.fixture
def browser(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.MANAGER))


@pytest.fixture
def viewer(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.VIEWER))


def fields(**changes: str) -> dict[str, str]:
    base = {"name": "News", "category": "other", "markup": "html", "subject": "News", "html": f"<p>Hi</p>{WAY_OUT}"}
    return {**base, **changes}


@pytest.fixture
def template(in_florist: Organization) -> EmailTemplate:
    made = EmailTemplate(organization=in_florist, **fields())
    services.template_save(template=made)
    made.html = f"<p>Hello you</p>{WAY_OUT}"
    services.template_save(template=made)
    return made


# MJML in the form


def test_add_of_mjml_with_a_mistake_says_the_line(in_florist: Organization, browser: Client) -> None:
    source = "<mjml>\n<mj-body>\n<mj-txt>x</mj-txt></mj-body></mjml>"

    answer = browser.post(f"{LIST}add/", fields(markup="mjml", html=source))

    assert "Line 3: MJML has no element &lt;mj-txt&gt;. Did you mean &lt;mj-text&gt;?" in answer.content.decode()
    assert not EmailTemplate.objects.exists()


@pytest.mark.parametrize("markup", ["html", "mjml"])
def test_add_of_ten_thousand_nested_tags_is_refused(in_florist: Organization, browser: Client, markup: str) -> None:
    answer = browser.post(f"{LIST}add/", fields(markup=markup, html="<mjml>" + "<div>" * 10_000))

    assert answer.status_code == 200 and "nests more than" in answer.content.decode()


def test_preview_of_mjml_shows_the_translated_mail(in_florist: Organization, browser: Client) -> None:
    source = (
        "<mjml><mj-body><mj-section><mj-column><mj-text>Dear {{ contact.first_name }}</mj-text>"
        '<mj-button href="{{ system.unsubscribe_url }}">Leave this list</mj-button>'
        "</mj-column></mj-section></mj-body></mjml>"
    )

    answer = browser.post(f"{LIST}preview/", fields(markup="mjml", html=source, client=str(in_florist.pk))).json()

    assert "Dear Ada" in answer["mail"]["text"]
    assert "mj-" not in browser.get(answer["mail"]["frame_url"]).content.decode().replace("mj-column", "").replace(
        "mj-outlook", ""
    ).replace("mj-full", "")


# Versions


def test_save_through_the_page_makes_a_version_of_the_person(
    template: EmailTemplate, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    user = member(Role.MANAGER)

    signed_in(user).post(f"{LIST}{template.pk}/change/", fields(html=f"<p>3</p>{WAY_OUT}", seen_version="2"))

    newest = EmailTemplateVersion.objects.order_by("-number")[0]
    assert (newest.number, newest.created_by, newest.html) == (3, user, f"<p>3</p>{WAY_OUT}")


def test_second_save_of_two_is_told_and_keeps_what_was_typed_and_goes_through_when_sent_again(
    template: EmailTemplate, browser: Client
) -> None:
    url, typed = f"{LIST}{template.pk}/change/", fields(html=f"<p>Mine</p>{WAY_OUT}", seen_version="1")

    answer = browser.post(url, typed)

    page = answer.content.decode()
    assert answer.status_code == 200 and "while you were writing" in page
    assert "&lt;p&gt;Mine&lt;/p&gt;" in page and 'name="seen_version" value="2"' in page
    template.refresh_from_db()
    assert "Hello you" in template.html
    assert browser.post(url, {**typed, "seen_version": "2"}).status_code == 302
    template.refresh_from_db()
    assert "Mine" in template.html and template.version == 3


def test_versions_page_compares_the_two_that_were_chosen(template: EmailTemplate, browser: Client) -> None:
    page = browser.get(f"{LIST}{template.pk}/versions/?from=1&to=2").content.decode()

    assert "<ins>&lt;p&gt;Hello you&lt;/p&gt;" in page and "<del>&lt;p&gt;Hi&lt;/p&gt;" in page
    assert ">added</span>" in page and ">removed</span>" in page
    assert page.count("<iframe") == 2 and 'sandbox=""' in page


@pytest.mark.parametrize("query", ["?from=9&to=x", "?from=&to=2", "?from=2&to=2", "?to=0"])
def test_versions_page_takes_any_address(template: EmailTemplate, browser: Client, query: str) -> None:
    assert browser.get(f"{LIST}{template.pk}/versions/{query}").status_code == 200


def test_look_at_a_version_is_framed_and_runs_nothing(template: EmailTemplate, viewer: Client) -> None:
    answer = viewer.get(f"{LIST}versions/{template.pk}/1/look/")

    assert "Hi" in answer.content.decode() and "sandbox" in answer["Content-Security-Policy"]
    assert viewer.get(f"{LIST}versions/{template.pk}/9/look/").status_code == 404


def test_restore_asks_first_and_makes_a_version(template: EmailTemplate, browser: Client) -> None:
    url = f"{LIST}versions/{template.pk}/1/restore/"

    assert "new version 3" in browser.get(url).content.decode()
    assert EmailTemplateVersion.objects.count() == 2
    browser.post(url)

    template.refresh_from_db()
    assert template.version == 3 and "Hi" in template.html


def test_restore_is_forbidden_to_viewers(template: EmailTemplate, viewer: Client) -> None:
    url = f"{LIST}versions/{template.pk}/1/restore/"

    assert "Restore</a>" not in viewer.get(f"{LIST}{template.pk}/versions/").content.decode()
    assert [viewer.get(url).status_code, viewer.post(url).status_code] == [403, 403]


# The list


def test_list_shows_look_category_and_use(template: EmailTemplate, browser: Client, in_florist: Organization) -> None:
    factories.make_campaign(in_florist, template=template)

    page = browser.get(LIST).content.decode()

    assert f"look/{template.pk}/" in page and 'loading="lazy"' in page and "1 campaign" in page
    assert "Hello you" in browser.get(f"{LIST}look/{template.pk}/").content.decode()


def test_look_of_what_cannot_be_shown_says_so(in_florist: Organization, browser: Client) -> None:
    broken = factories.make_template(in_florist, html="{{ block.<script>gone }}{{ block.gone }}")

    page = browser.get(f"{LIST}look/{broken.pk}/")

    assert page.status_code == 200 and "cannot be shown" in page.content.decode()
    assert "<script>" not in page.content.decode()


@pytest.mark.parametrize("route", ["look/{}/", "versions/{}/1/look/", "versions/{}/1/restore/", "{}/versions/"])
def test_pages_of_another_clients_template_are_not_found(
    museum: Organization, in_florist: Organization, browser: Client, route: str
) -> None:
    with organization_scope(museum):
        other = factories.make_template(museum)

    mine, unknown = (browser.get(LIST + route.format(key)).status_code for key in (other.pk, uuid4()))
    assert mine == unknown and mine in (403, 404)


# Starters


def test_starters_can_be_narrowed_to_a_category(in_florist: Organization, browser: Client) -> None:
    for name, category in (("One", "event"), ("Two", "letter")):
        StarterTemplate.objects.create(name=name, slug=name, category=category, subject="S", html=WAY_OUT)

    everything = browser.get(f"{LIST}starters/").content.decode()
    events = browser.get(f"{LIST}starters/?category=event").content.decode()

    assert "Use One" in everything and "Use Two" in everything
    assert "Use One" in events and "Use Two" not in events
    assert "Use Two" in browser.get(f"{LIST}starters/?category=nonsense").content.decode()


def test_starter_is_shown_in_the_clients_brand(in_florist: Organization, browser: Client) -> None:
    Organization.objects.update(color="#123456")
    starter = StarterTemplate.objects.create(
        name="One", slug="one", subject="S", html='<p style="color: {{ brand.color }}">x</p>'
    )

    assert "#123456" in browser.get(f"{LIST}starters/{starter.pk}/look/").content.decode()


# Blocks


def test_block_is_added_shown_and_deleted(in_florist: Organization, browser: Client) -> None:
    typed = {"name": "Footer", "key": "footer", "category": "footer", "html": WAY_OUT}

    assert browser.post(f"{BLOCKS}add/", typed).status_code == 302
    block = TemplateBlock.objects.get()
    assert block.organization_id == in_florist.pk and block.version == 1
    assert "{{ block.footer }}" in browser.get(BLOCKS).content.decode()
    assert "Leave this list" in browser.get(f"{BLOCKS}look/{block.pk}/").content.decode()

    browser.post(f"{BLOCKS}{block.pk}/delete/", {"post": "yes"})
    assert not TemplateBlock.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "Footer One"}, "Begin with a small letter"),
        ({"html": "<p>\n{{ contact.frist_name }}</p>"}, "Line 2:"),
        ({"html": "{{ block.footer }}"}, "holds itself"),
        ({"html": "{{ block.none }}"}, "no block of this name"),
        ({"html": "<div>" * 10_000}, "nests more than"),
    ],
)
def test_block_with_a_mistake_is_refused_beside_the_field(
    in_florist: Organization, browser: Client, changes: dict[str, str], words: str
) -> None:
    typed = {"name": "Footer", "key": "footer", "category": "footer", "html": WAY_OUT, **changes}

    answer = browser.post(f"{BLOCKS}add/", typed)

    assert answer.status_code == 200 and words in answer.content.decode()
    assert not TemplateBlock.objects.exists()


def test_block_in_use_names_its_templates_and_stays(in_florist: Organization, browser: Client) -> None:
    block = TemplateBlock(organization=in_florist, name="Footer", key="footer", html=WAY_OUT)
    services.block_save(block=block)
    factories.make_template(in_florist, "Spring", html="<p>{{ block.footer }}</p>")

    assert "Spring</a>" in browser.get(f"{BLOCKS}{block.pk}/change/").content.decode()
    answer = browser.post(f"{BLOCKS}{block.pk}/delete/", {"post": "yes"}, follow=True)
    assert "“Spring” uses it" in answer.content.decode()
    typed = {"name": "Footer", "key": "bottom", "category": "footer", "html": WAY_OUT, "seen_version": "1"}
    assert "“Spring” uses it" in browser.post(f"{BLOCKS}{block.pk}/change/", typed).content.decode()
    block.refresh_from_db()
    assert block.key == "footer"


def test_block_page_of_another_client_is_not_found(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    with organization_scope(museum):
        other = TemplateBlock(organization=museum, name="Footer", key="footer", html=WAY_OUT)
        services.block_save(block=other)

    assert browser.get(f"{BLOCKS}look/{other.pk}/").status_code == 404


def test_viewer_sees_blocks_and_changes_none(in_florist: Organization, viewer: Client) -> None:
    block = TemplateBlock(organization=in_florist, name="Footer", key="footer", html=WAY_OUT)
    services.block_save(block=block)

    assert viewer.get(f"{BLOCKS}{block.pk}/change/").status_code == 200
    assert viewer.post(f"{BLOCKS}{block.pk}/change/", {"name": "X"}).status_code == 403


# Copies


def test_copy_asks_in_numbers_and_shows_what_was_replaced(
    template: EmailTemplate, museum: Organization, superuser: User, signed_in: Callable[[User], Client]
) -> None:
    EmailTemplate.objects.update(html="<p>Florist</p>")
    browser, url = signed_in(superuser), f"{LIST}{template.pk}/copy-to-clients/"

    assert str(museum.pk) in browser.get(url).content.decode()
    assert "Tick at least one client." in browser.post(url).content.decode()
    assert "1 client: Museum" in browser.post(url, {"client": str(museum.pk)}).content.decode()
    with organization_scope(museum):
        assert not EmailTemplate.objects.exists()
    page = browser.post(url, {"client": str(museum.pk), "confirmed": "1"}, follow=True).content.decode()

    assert "“Florist”, 1 ×" in page and "Open it in Museum" in page
    with organization_scope(museum):
        assert EmailTemplate.objects.get().html == "<p>{{ organization.name }}</p>"


def test_copy_reaches_only_clients_where_the_person_may_manage_templates(
    template: EmailTemplate, museum: Organization, browser: Client
) -> None:
    url = f"{LIST}{template.pk}/copy-to-clients/"

    assert "Museum" not in browser.get(url).content.decode()
    browser.post(url, {"client": str(museum.pk), "confirmed": "1"})

    with organization_scope(museum):
        assert not EmailTemplate.objects.exists()


def test_copy_result_of_another_person_is_not_found(
    template: EmailTemplate, museum: Organization, superuser: User, signed_in: Callable[[User], Client], viewer: Client
) -> None:
    answer = signed_in(superuser).post(
        f"{LIST}{template.pk}/copy-to-clients/", {"client": str(museum.pk), "confirmed": "1"}
    )

    assert viewer.get(answer["Location"]).status_code == 404


# Settings and brand


@pytest.fixture
def settings_page(in_florist: Organization) -> str:
    return f"/admin/accounts/organization/{in_florist.pk}/change/"


def _settings(**changes: object) -> dict[str, object]:
    return {"name": "Florist", "color": "#0072b2", "time_zone": "UTC", "approval_policy": "none", **changes}


def test_settings_keep_the_brand_and_the_logo(
    in_florist: Organization, settings_page: str, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    browser = signed_in(member(Role.ADMIN))
    upload = SimpleUploadedFile("logo.exe", picture(), "application/x-msdownload")

    answer = browser.post(
        settings_page, _settings(text_color="#111111", mail_font="georgia", website="https://a.example", logo=upload)
    )

    assert answer.status_code == 302, answer.context["errors"]
    in_florist.refresh_from_db()
    assert (in_florist.text_color, in_florist.mail_font, in_florist.website) == (
        "#111111",
        "georgia",
        "https://a.example",
    )
    assert in_florist.logo_name.endswith(".png")
    assert in_florist.logo_name in browser.get(settings_page).content.decode()
    browser.post(settings_page, _settings(remove_logo="on"))
    in_florist.refresh_from_db()
    assert in_florist.logo_name == "" and in_florist.text_color == "#111111"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"logo": SimpleUploadedFile("x.svg", b"<svg/>")}, "no PNG, JPEG, GIF or WebP"),
        ({"text_color": "red"}, "six hexadecimal digits"),
        ({"website": "javascript:alert(1)"}, "whole web address"),
        ({"mail_font": "comic"}, "comic"),
    ],
)
def test_settings_refuse_what_mails_cannot_show(
    in_florist: Organization,
    settings_page: str,
    signed_in: Callable[[User], Client],
    member: Callable[..., User],
    changes: dict[str, object],
    words: str,
) -> None:
    answer = signed_in(member(Role.ADMIN)).post(settings_page, _settings(**changes))

    assert answer.status_code == 200 and words in answer.content.decode()


def test_settings_show_the_brand_to_those_who_may_not_change_it(settings_page: str, viewer: Client) -> None:
    page = viewer.get(settings_page)

    assert page.status_code == 200 and 'type="file"' not in page.content.decode()
