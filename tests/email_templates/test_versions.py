"""Versions: every save makes one, two are compared, an earlier one comes back and nothing is lost."""

import threading

import pytest
from django.db import connection, transaction

from core.accounts.models import AuditEvent, Organization
from core.common.request_context import request_context
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.comparing import MAX_LINES, compared, compared_fields
from core.email_templates.errors import TemplateChangedMeanwhile
from core.email_templates.models import EmailTemplate, EmailTemplateVersion
from core.email_templates.queries import versions_of
from tests.support import factories


def make_saved(organization: Organization, **fields: str) -> EmailTemplate:
    template = EmailTemplate(organization=organization, name="News", subject="S", html="<p>One</p>", **fields)
    services.template_save(template=template)
    return template


def test_save_makes_a_version_with_who_and_what(in_florist: Organization) -> None:
    user = factories.make_user("manager", in_florist)
    with request_context(actor_id=user.pk, actor_label=user.email):
        template = make_saved(in_florist)
        template.html = "<p>Two</p>"
        assert services.template_save(template=template)

    newest, first = versions_of(template)

    assert (newest.number, first.number, template.version) == (2, 1, 2)
    assert newest.created_by == user
    assert (first.html, newest.html) == ("<p>One</p>", "<p>Two</p>")
    event = AuditEvent.objects.filter(action="emailtemplate.changed").get()
    assert event.changes == {"html": ["<p>One</p>", "<p>Two</p>"]}


def test_save_of_nothing_new_makes_no_version(in_florist: Organization) -> None:
    template = make_saved(in_florist)

    assert not services.template_save(template=template)

    assert len(versions_of(template)) == 1
    assert not AuditEvent.objects.filter(action="emailtemplate.changed").exists()


def test_save_of_a_template_without_versions_keeps_what_it_said_before(in_florist: Organization) -> None:
    template = factories.make_template(in_florist, html="<p>Before</p>")
    template.html = "<p>After</p>"

    services.template_save(template=template)

    assert [(one.number, one.html) for one in versions_of(template)] == [(2, "<p>After</p>"), (1, "<p>Before</p>")]


def test_restore_makes_a_new_version_and_loses_none(in_florist: Organization) -> None:
    template = make_saved(in_florist)
    template.html, template.name = "<p>Two</p>", "Renamed"
    services.template_save(template=template)

    restored = services.template_restore(template_id=template.pk, number=1)

    assert (restored.html, restored.name, restored.version) == ("<p>One</p>", "Renamed", 3)
    assert [one.number for one in versions_of(template)] == [3, 2, 1]
    assert versions_of(template)[0].note == "Version 1 restored"


def test_restore_of_what_it_says_already_changes_nothing(in_florist: Organization) -> None:
    template = make_saved(in_florist)

    assert services.template_restore(template_id=template.pk, number=1).version == 1


def test_restore_of_an_unknown_version_is_refused(in_florist: Organization) -> None:
    with pytest.raises(EmailTemplateVersion.DoesNotExist):
        services.template_restore(template_id=make_saved(in_florist).pk, number=9)


def test_hold_of_a_version_that_is_no_longer_the_newest_names_who_saved(in_florist: Organization) -> None:
    user = factories.make_user("manager", in_florist, full_name="Marta")
    template = make_saved(in_florist)
    template.html = "<p>Two</p>"
    with request_context(actor_id=user.pk, actor_label=user.email):
        services.template_save(template=template)

    with pytest.raises(TemplateChangedMeanwhile, match="Marta saved version 2") as refused:
        services.template_hold(template_id=template.pk, version=1)

    assert refused.value.version == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_hold_the_same_version_at_once_do_not_both_save() -> None:
    organization = factories.make_organization("Florist")
    with organization_scope(organization):
        template = make_saved(organization)
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def edit(words: str) -> None:
        with organization_scope(organization):
            mine = EmailTemplate.objects.get(pk=template.pk)
            mine.html = words
            ready.wait(timeout=30)
            try:
                with transaction.atomic():
                    services.template_hold(template_id=template.pk, version=1)
                    services.template_save(template=mine)
                outcomes.append("saved")
            except TemplateChangedMeanwhile:
                outcomes.append("refused")
            finally:
                connection.close()

    threads = [threading.Thread(target=edit, args=(words,)) for words in ("<p>A</p>", "<p>B</p>")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(outcomes) == ["refused", "saved"]
    with organization_scope(organization):
        assert [one.number for one in versions_of(template)] == [2, 1]


def test_compared_marks_lines_and_leaves_out_what_is_the_same() -> None:
    before = "\n".join(f"line {n}" for n in range(40))
    after = before.replace("line 20", "line twenty").replace("line 39", "line 39\nline 40")

    field = compared("HTML", before, after)

    changed = [(row.kind, row.old_number, row.new_number, row.text) for row in field.rows if row.kind != "same"]
    assert changed == [
        ("gap", 0, 0, ""),
        ("removed", 21, 0, "line 20"),
        ("added", 0, 21, "line twenty"),
        ("gap", 0, 0, ""),
        ("added", 0, 41, "line 40"),
    ]
    assert (field.added, field.removed, field.is_cut) == (2, 1, False)
    assert all(row.old_number == row.new_number for row in field.rows if row.kind == "same")


def test_compared_of_one_long_line_is_split_between_tags() -> None:
    before = "<table>" + "<tr><td>x</td></tr>" * 60 + "</table>"

    field = compared("HTML", before, before.replace("x", "y", 1))

    assert (field.added, field.removed) == (1, 1)


def test_compared_of_very_long_sources_is_cut() -> None:
    before = "\n".join(str(n) for n in range(MAX_LINES + 500))

    assert compared("HTML", before, f"first\n{before}").is_cut


def test_compared_fields_are_those_that_differ(in_florist: Organization) -> None:
    template = make_saved(in_florist)
    template.subject, template.category = "Other", "welcome"
    services.template_save(template=template)
    newer, older = EmailTemplateVersion.objects.order_by("-number")

    assert [field.label for field in compared_fields(older, newer)] == ["Category", "Subject"]
