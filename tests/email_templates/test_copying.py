"""A template goes to other clients: the brand is swapped, blocks go along, and what is left is said."""

import pytest

from core.accounts.models import Organization
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.errors import BlockRefused
from core.email_templates.html import UnreadableHtmlError
from core.email_templates.models import EmailTemplate, EmailTemplateVersion, TemplateBlock
from core.email_templates.rebranding import rebranded
from tests.support import factories

SOURCE = Organization(
    name="Rose & Thorn",
    color="#aa1122",
    button_color="#bb3344",
    text_color="#101010",
    background_color="#fafafa",
    postal_address="Rose & Thorn\n5 Hill Road\nLeeds",
    website="https://www.rose.example",
    default_from_email="hello@mail-rose.example",
    web_hosts=["thorn-shop.example"],
    watch_words=["Rosie"],
)
TARGET = Organization(name="Salt", color="#0000ff", website="https://salt.example/start", postal_address="1 Quay")


def swapped(html: str, **other: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    result = rebranded({"html": html, **other}, source=SOURCE, target=TARGET)
    return result.sources["html"], result.replaced, result.left


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<p>Yours, Rose & Thorn</p>", "<p>Yours, {{ organization.name }}</p>"),
        ('<img alt="Rose & Thorn">', '<img alt="{{ organization.name }}">'),
        ("<p>Rose & Thorn<br>5 Hill Road<br>Leeds</p>", "<p>{{ organization.postal_address }}</p>"),
        ("<p>Rose & Thorn, 5 Hill Road, Leeds</p>", "<p>{{ organization.postal_address }}</p>"),
        ('<p style="color: #AA1122">x</p>', '<p style="color: {{ brand.color }}">x</p>'),
        ('<td bgcolor="#bb3344">x</td>', '<td bgcolor="{{ brand.button_color }}">x</td>'),
        ("<style>p { color: #101010 }</style>", "<style>p { color: {{ brand.text_color }} }</style>"),
        ('<mj-text color="#aa1122">x</mj-text>', '<mj-text color="{{ brand.color }}">x</mj-text>'),
        ("<mj-style>p { color: #aa1122 }</mj-style>", "<mj-style>p { color: {{ brand.color }} }</mj-style>"),
        ('<a href="https://www.rose.example/a?b=1">x</a>', '<a href="https://salt.example/a?b=1">x</a>'),
        ('<a href="http://rose.example">x</a>', '<a href="https://salt.example">x</a>'),
    ],
)
def test_what_was_written_out_becomes_a_tag_or_the_other_clients(html: str, wanted: str) -> None:
    changed, replaced, left = swapped(html)

    assert changed == wanted
    assert replaced and not left


@pytest.mark.parametrize(
    "html",
    [
        "<p>Rose & Thornton</p>",
        "<p>#aa1122 is a colour</p>",
        '<p style="color: #aa112233">x</p>',
        '<a href="https://rose.example.evil.example/">x</a>',
        '<p>{{ contact.company | default: "nobody" }}</p>',
    ],
)
def test_what_only_looks_alike_stays(html: str) -> None:
    assert swapped(html)[0] == html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ('<a href="https://thorn-shop.example/x">x</a>', "a link to thorn-shop.example"),
        ('<img src="https://cdn.mail-rose.example/x.png" alt="">', "a link to cdn.mail-rose.example"),
        ("<p>ask rosie</p>", "the word “Rosie”"),
        ("<p>ROSE & THORN</p>", "the word “Rose & Thorn”"),
    ],
)
def test_what_still_looks_like_the_first_client_is_said(html: str, left: str) -> None:
    assert left in swapped(html)[2]


def test_without_a_website_links_stay_and_are_said() -> None:
    result = rebranded(
        {"html": '<a href="https://rose.example/a">x</a>'}, source=SOURCE, target=Organization(name="Salt")
    )

    assert result.sources["html"] == '<a href="https://rose.example/a">x</a>'
    assert "a link to rose.example" in result.left


def test_subject_and_text_are_swapped_as_well() -> None:
    result = rebranded(
        {"html": "", "subject": "News from Rose & Thorn", "text": "See https://rose.example/a"},
        source=SOURCE,
        target=TARGET,
    )

    assert result.sources["subject"] == "News from {{ organization.name }}"
    assert result.sources["text"] == "See https://salt.example/a"


@pytest.fixture
def both(florist: Organization, museum: Organization) -> tuple[Organization, Organization]:
    return florist, museum


def make_source(organization: Organization) -> EmailTemplate:
    for key, html in (("inner", "<i>Fresh</i>"), ("outer", "<p>{{ block.inner }}</p>")):
        block = TemplateBlock(organization=organization, name=f"The {key}", key=key, html=html)
        services.block_save(block=block)
    return factories.make_template(organization, "Spring", html="<p>Florist</p>{{ block.outer }}")


def test_copy_makes_template_blocks_and_a_version_in_the_other_client(both: tuple[Organization, Organization]) -> None:
    florist, museum = both
    with organization_scope(florist, museum):
        (copy,) = services.templates_copy_to(templates=[make_source(florist)], clients=[museum])

    with organization_scope(museum):
        made = EmailTemplate.objects.get()
        assert made.pk == copy.template_id
        assert made.html == "<p>{{ organization.name }}</p>{{ block.outer }}"
        assert set(TemplateBlock.objects.values_list("key", flat=True)) == {"inner", "outer"}
        note = EmailTemplateVersion.objects.get().note
        assert note == "Copied from another client", "its name is not theirs to read"
    assert set(copy.blocks) == {"The inner", "The outer"} and not copy.kept_blocks


def test_copy_twice_numbers_the_name_and_keeps_the_clients_blocks(both: tuple[Organization, Organization]) -> None:
    florist, museum = both
    with organization_scope(florist, museum):
        template = make_source(florist)
        services.templates_copy_to(templates=[template], clients=[museum])
        (copy,) = services.templates_copy_to(templates=[template], clients=[museum])

    assert copy.name == "Spring 2"
    assert not copy.blocks and set(copy.kept_blocks) == {"The inner", "The outer"}


def test_copy_with_a_clashing_block_name_changes_nothing(both: tuple[Organization, Organization]) -> None:
    florist, museum = both
    with organization_scope(museum):
        services.block_save(
            block=TemplateBlock(organization=museum, name="The outer", key="something_else", html="<p>x</p>")
        )
    with organization_scope(florist, museum):
        template = make_source(florist)
        with pytest.raises(BlockRefused, match="another block called “The outer”"):
            services.templates_copy_to(templates=[template], clients=[museum])

    with organization_scope(museum):
        assert not EmailTemplate.objects.exists()
        assert TemplateBlock.objects.count() == 1


def test_copy_of_what_cannot_be_sent_is_refused(both: tuple[Organization, Organization]) -> None:
    florist, museum = both
    with organization_scope(florist, museum):
        template = factories.make_template(florist, html="{{ block.gone }}")
        with pytest.raises(UnreadableHtmlError):
            services.templates_copy_to(templates=[template], clients=[museum])
