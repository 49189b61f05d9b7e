"""The brand's merge tags: what they say, and that nothing but colours and fonts gets into styles."""

import re

import pytest

from core.accounts.choices import MailFont
from core.accounts.models import Organization
from core.accounts.public_pages.frame import readable_on
from core.campaigns.content import compiled_content
from core.campaigns.snapshot import draft_snapshot
from core.email_templates.brand import BRAND_KEYS, STYLE_KEYS, brand_values
from core.email_templates.escapes import FONT_STACKS
from core.email_templates.html import prepare_html
from core.email_templates.merge_tags import Escape, KnownKeys, MergeTagError, parse
from tests.support import factories

WAY_OUT = '<a href="{{ system.unsubscribe_url }}">Leave this list</a>'


def _rendered(html: str, values: dict[str, str]) -> str:
    return parse(html, context=Escape.HTML, allowed=KnownKeys()).render(values)


@pytest.mark.parametrize("organization", [None, Organization(name="Acme", color="red;}", mail_font="Comic")])
def test_values_are_complete_and_safe_whatever_is_stored(organization: Organization | None) -> None:
    values = brand_values(organization)

    assert values.keys() == set(BRAND_KEYS)
    for key in STYLE_KEYS - {"brand.font"}:
        assert re.fullmatch(r"#[0-9a-f]{6}", values[key]), key
    assert values["brand.font"] in FONT_STACKS.values()


@pytest.mark.parametrize("color", ["#ffff00", "#000000", "#808080", "#4f46e5", "#ffffff"])
def test_derived_colours_can_be_read(color: str) -> None:
    values = brand_values(Organization(name="Acme", color=color))

    assert values["brand.on_color"] == readable_on(color)
    assert _contrast(values["brand.link_color"], "#ffffff") >= 4.5
    assert _contrast(values["brand.dark_color"], "#1c1c1f") >= 4.5


def _contrast(one: str, two: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    brighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_every_font_has_a_stack_without_quotation_marks() -> None:
    assert FONT_STACKS.keys() == set(MailFont.values)
    assert not any("'" in stack or '"' in stack for stack in FONT_STACKS.values())


def test_colour_stands_in_style_attribute_style_element_and_bgcolor() -> None:
    html = prepare_html(
        "<style>.a { color: {{ brand.color }}; } @media (min-width: 9px) { .b { color: {{ brand.on_color }} } }</style>"
        '<table><tr><td class="a" bgcolor="{{ brand.color }}" style="font-family: {{ brand.font }}">x</td></tr></table>'
    )

    shown = _rendered(html, brand_values(Organization(name="A", color="#ABCDEF", mail_font="georgia")))

    assert shown.count("#abcdef") == 2 and "color: #000000" in shown
    assert "Georgia, Times New Roman, serif" in shown


@pytest.mark.parametrize(
    "place",
    [
        '<p style="color: {{{{ {} }}}}">x</p>',
        "<style>p {{ color: {{{{ {} }}}} }}</style>",
    ],
)
@pytest.mark.parametrize("key", ["contact.first_name", "organization.name", "brand.website", "brand.logo_url"])
def test_other_values_are_refused_in_styles(place: str, key: str) -> None:
    with pytest.raises(MergeTagError, match="only the brand's colours and font work"):
        parse(place.format(key), context=Escape.HTML, allowed=KnownKeys())


@pytest.mark.parametrize("hostile", ["red;background:url(https://a.example)", "}</style><script>", "#12345", "'"])
def test_hostile_value_or_fallback_in_a_style_becomes_inherit(hostile: str) -> None:
    source = '<p style="color: {{ brand.color }}">x</p><style>p { color: {{ brand.color }} }</style>'

    assert _rendered(source, {"brand.color": hostile}).count("inherit") == 2
    if hostile != "'" and "<" not in hostile:
        fallback = source.replace("brand.color }}", f'brand.color | default: "{hostile}" }}}}')
        assert hostile not in _rendered(fallback.replace('style="', "style='").replace('">x', "'>x"), {})


def test_colour_is_refused_where_code_stands() -> None:
    with pytest.raises(MergeTagError):
        parse('<p onclick="{{ brand.color }}">x</p>', context=Escape.HTML, allowed=KnownKeys())


def test_snapshot_freezes_the_brand(in_florist: Organization) -> None:
    Organization.objects.update(color="#123456", website="https://florist.example")
    template = factories.make_template(
        in_florist, html=f'<p style="color: {{{{ brand.color }}}}">{{{{ brand.website }}}}</p>{WAY_OUT}'
    )
    campaign = factories.make_campaign(in_florist, template=template)
    campaign.organization.refresh_from_db()

    snapshot, _links = draft_snapshot(campaign)

    assert snapshot.organization_values["brand.color"] == "#123456"
    html = compiled_content(snapshot).html.render({})
    assert "#123456" in html and "https://florist.example" in html


def test_change_of_the_brand_changes_the_hash_of_a_draft(in_florist: Organization) -> None:
    template = factories.make_template(in_florist, html=f'<p style="color: {{{{ brand.color }}}}">x</p>{WAY_OUT}')
    campaign = factories.make_campaign(in_florist, template=template)
    before = draft_snapshot(campaign)[0].content_hash
    campaign.organization.color = "#010203"

    assert draft_snapshot(campaign)[0].content_hash != before
