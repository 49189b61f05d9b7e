"""Copies of templates and starters, and the loader."""

import json
import re
from pathlib import Path

import pytest

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import OrganizationMismatch, organization_scope
from core.email_templates import services
from core.email_templates.brand import brand_values
from core.email_templates.contrast import poor_contrasts, with_lines
from core.email_templates.errors import BadStarterFile, TemplateInUse
from core.email_templates.html import prepare_html
from core.email_templates.inspection import inspect_mail
from core.email_templates.merge_tags import Escape, KnownKeys, parse
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.preview import preview_mail
from core.email_templates.queries import sample_values, source_of
from tests.support import factories

FOOTER_KEYS = (
    "organization.postal_address",
    "system.unsubscribe_url",
    "system.preferences_url",
    "system.view_in_browser_url",
)
STARTERS = Path(__file__).parents[2] / "fixtures" / "starter_templates"


@pytest.fixture
def starter(db: None) -> StarterTemplate:
    return StarterTemplate.objects.create(
        name="Newsletter", slug="newsletter", category="newsletter", subject="News", html=factories.HTML
    )


def test_from_starter_copies_the_content_and_numbers_the_name(
    in_florist: Organization, starter: StarterTemplate
) -> None:
    copies = [services.template_from_starter(organization_id=in_florist.pk, starter_id=starter.pk) for _ in range(3)]

    assert [copy.name for copy in copies] == ["Newsletter", "Newsletter 2", "Newsletter 3"]
    assert (copies[0].html, copies[0].category) == (starter.html, "newsletter")
    event = AuditEvent.objects.filter(action="emailtemplate.added").first()
    assert event is not None and event.changes["note"] == [None, "Begun from the design “Newsletter”"]


def test_from_starter_into_a_client_out_of_reach_is_refused(
    in_florist: Organization, museum: Organization, starter: StarterTemplate
) -> None:
    with pytest.raises(OrganizationMismatch):
        services.template_from_starter(organization_id=museum.pk, starter_id=starter.pk)


def test_duplicate_makes_an_independent_copy(in_florist: Organization) -> None:
    original = factories.make_template(in_florist, "N" * 120)

    copy = services.template_duplicate(template_id=original.pk)

    assert copy.pk != original.pk and copy.html == original.html
    assert len(copy.name) <= 120 and copy.name != original.name


def test_duplicate_of_another_clients_template_finds_nothing(in_florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        template = factories.make_template(museum)

    with pytest.raises(EmailTemplate.DoesNotExist):
        services.template_duplicate(template_id=template.pk)


def test_refuse_in_use_names_the_campaigns(in_florist: Organization) -> None:
    template = factories.make_template(in_florist)
    services.refuse_template_in_use(template)
    for number in range(7):
        factories.make_campaign(in_florist, template=template, name=f"Campaign {number}")

    with pytest.raises(TemplateInUse, match=r"“Campaign 6”, .* and 2 more use it"):
        services.refuse_template_in_use(template)


def test_starters_load_twice_adds_nothing_and_keeps_what_people_edited(db: None, tmp_path: Path) -> None:
    entry = {"slug": "plain", "name": "Plain", "category": "other", "description": "", "subject": "S", "html": "p.html"}
    (tmp_path / "index.json").write_text(json.dumps([{**entry, "preheader": ""}]))
    (tmp_path / "p.html").write_text("<p>One</p>")
    assert services.starter_templates_load(tmp_path) == 1

    StarterTemplate.objects.update(html="<p>Edited</p>")
    assert services.starter_templates_load(tmp_path) == 0
    assert StarterTemplate.objects.get().html == "<p>Edited</p>"


@pytest.mark.parametrize("index", ["not json", '[{"slug": "x"}]', '[{"slug": "x", "html": "missing.html"}]', "[1]"])
def test_starters_load_broken_files_say_which_directory(db: None, tmp_path: Path, index: str) -> None:
    (tmp_path / "index.json").write_text(index)

    with pytest.raises(BadStarterFile, match="cannot be loaded"):
        services.starter_templates_load(tmp_path)

    assert not StarterTemplate.objects.exists()


def test_shipped_starters_have_nothing_to_find_fault_with(db: None) -> None:
    assert services.starter_templates_load(STARTERS) >= 10

    for starter in StarterTemplate.objects.all():
        source = source_of(starter)
        assert inspect_mail(source).findings == (), starter.name
        keys = parse(source.html, context=Escape.HTML, allowed=KnownKeys()).keys
        assert keys >= {*FOOTER_KEYS, "brand.font", "brand.background", "brand.link_color"}, starter.name
        assert "prefers-color-scheme: dark" in source.html and 'name="color-scheme"' in source.html
        assert set(re.findall(r'<img[^>]*src="([^"]*)"', source.html)) <= {"{{ brand.logo_url }}"}, starter.name
        assert "http" not in re.sub(r"https://www\.example\.com|http://www\.w3\.org|http-equiv", "", source.html)
        assert preview_mail(source, sample_values(None)).html


@pytest.mark.parametrize("color", ["#ffff00", "#000000", "#4f46e5", "#0f766e"])
def test_shipped_starters_can_be_read_in_every_brand(db: None, color: str) -> None:
    services.starter_templates_load(STARTERS)
    values = {**sample_values(None), **brand_values(Organization(name="Acme", color=color))}

    for starter in StarterTemplate.objects.all():
        prepared = prepare_html(with_lines(source_of(starter).html))
        filled = parse(prepared, context=Escape.HTML, allowed=KnownKeys()).render(values)
        assert poor_contrasts(filled) == [], (starter.name, color)
