"""Copies of templates and starters, and the loader."""

import json
from pathlib import Path

import pytest

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import OrganizationMismatch, organization_scope
from core.email_templates import services
from core.email_templates.errors import BadStarterFile, TemplateInUse
from core.email_templates.inspection import inspect_mail
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.preview import preview_mail
from core.email_templates.queries import sample_values, source_of
from tests.support import factories

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
    assert event is not None and event.changes == {"starter": [None, "newsletter"]}


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
    assert services.starter_templates_load(STARTERS) >= 3

    for starter in StarterTemplate.objects.all():
        assert inspect_mail(source_of(starter)).findings == (), starter.name
        assert starter.html and preview_mail(source_of(starter), sample_values(None)).html
