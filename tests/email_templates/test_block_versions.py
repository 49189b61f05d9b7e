"""Versions of blocks: every save makes one, two are compared, an earlier one comes back and nothing is lost."""

from collections.abc import Callable

import pytest
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.comparing import compared_fields
from core.email_templates.errors import BlockRefused
from core.email_templates.models import TemplateBlock, TemplateBlockVersion
from core.email_templates.queries import version_numbered, versions_of
from tests.support import factories

BASE = "/admin/email_templates/templateblock/"


def saved_block(organization: Organization, *htmls: str) -> TemplateBlock:
    block = TemplateBlock(organization=organization, name="Footer", key="footer")
    for html in htmls:
        block.html = html
        services.block_save(block=block)
    return block


def test_save_makes_a_version_and_nothing_new_makes_none(in_florist: Organization) -> None:
    block = saved_block(in_florist, "<p>One</p>", "<p>Two</p>")

    assert not services.block_save(block=block)

    assert [(one.number, one.html) for one in versions_of(block)] == [(2, "<p>Two</p>"), (1, "<p>One</p>")]


def test_save_of_a_block_without_versions_keeps_what_it_said_before(in_florist: Organization) -> None:
    block = TemplateBlock.objects.create(organization=in_florist, name="Old", key="old", html="<p>Before</p>")
    block.html = "<p>After</p>"

    services.block_save(block=block)

    assert [(one.number, one.html) for one in versions_of(block)] == [(2, "<p>After</p>"), (1, "<p>Before</p>")]


def test_restore_makes_a_new_version_and_keeps_the_names(in_florist: Organization) -> None:
    block = saved_block(in_florist, "<p>One</p>")
    block.html, block.name, block.key = "<p>Two</p>", "New name", "foot"
    services.block_save(block=block)

    restored = services.block_restore(block_id=block.pk, number=1)

    assert (restored.html, restored.name, restored.key, restored.version) == ("<p>One</p>", "New name", "foot", 3)
    assert [one.number for one in versions_of(block)] == [3, 2, 1]
    assert versions_of(block)[0].note == "Version 1 restored"
    assert AuditEvent.objects.filter(action="templateblock.changed").count() == 2


def test_restore_twice_changes_nothing_more(in_florist: Organization) -> None:
    block = saved_block(in_florist, "<p>One</p>", "<p>Two</p>")

    services.block_restore(block_id=block.pk, number=1)

    assert services.block_restore(block_id=block.pk, number=1).version == 3


def test_restore_of_what_would_tear_a_template_is_refused_and_undone(in_florist: Organization) -> None:
    inner = TemplateBlock(organization=in_florist, name="Inner", key="inner", html="<p>x</p>")
    services.block_save(block=inner)
    block = saved_block(in_florist, "{{ block.inner }}", "<p>Two</p>")
    factories.make_template(in_florist, html="{{ block.footer }}")
    services.block_delete(block_id=inner.pk)

    with pytest.raises(BlockRefused):
        services.block_restore(block_id=block.pk, number=1)

    block.refresh_from_db()
    assert (block.html, block.version) == ("<p>Two</p>", 2)


def test_unknown_version_and_another_clients_block_are_not_there(
    in_florist: Organization, museum: Organization
) -> None:
    with pytest.raises(TemplateBlockVersion.DoesNotExist):
        services.block_restore(block_id=saved_block(in_florist, "<p>One</p>").pk, number=9)
    with organization_scope(museum):
        foreign = saved_block(museum, "<p>One</p>")
    with pytest.raises(TemplateBlock.DoesNotExist):
        services.block_restore(block_id=foreign.pk, number=1)


def test_versions_of_two_kinds_are_not_compared(in_florist: Organization) -> None:
    block = saved_block(in_florist, "<p>One</p>", "<p>Two</p>")
    older, newer = version_numbered(block, 1), version_numbered(block, 2)

    assert [field.label for field in compared_fields(older, newer)] == ["HTML"]
    template = factories.make_template(in_florist)
    services.template_save(template=template)
    template.html = "<p>New</p>"
    services.template_save(template=template)
    with pytest.raises(TypeError):
        compared_fields(version_numbered(template, 1), newer)


def test_pages_compare_show_and_restore(
    in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    block = saved_block(in_florist, "<p>One</p>", "<script>alert(1)</script><p>Two</p>")
    browser = signed_in(member(Role.MANAGER))

    page = browser.get(f"{BASE}{block.pk}/versions/").content.decode()
    look = browser.get(f"{BASE}versions/{block.pk}/1/look/")
    asked = browser.get(f"{BASE}versions/{block.pk}/1/restore/").content.decode()
    assert TemplateBlock.objects.get().version == 2
    browser.post(f"{BASE}versions/{block.pk}/1/restore/")

    assert "Version 2" in page and "&lt;script&gt;alert(1)" in page and "<script>alert(1)" not in page
    assert "One" in look.content.decode() and "sandbox" in look["Content-Security-Policy"]
    assert "Every template and draft that uses the block changes with it" in asked
    assert TemplateBlock.objects.get().html == "<p>One</p>"


@pytest.mark.parametrize("number", ["0", "9", "x", "-1", "٣", "1" * 30])
def test_forged_numbers_are_not_there(
    in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User], number: str
) -> None:
    block = saved_block(in_florist, "<p>One</p>")
    browser = signed_in(member(Role.MANAGER))

    for page in ("look", "restore"):
        assert browser.get(f"{BASE}versions/{block.pk}/{number}/{page}/").status_code == 404


def test_viewer_sees_versions_and_restores_none_and_another_client_sees_nothing(
    in_florist: Organization,
    museum: Organization,
    signed_in: Callable[[User], Client],
    member: Callable[..., User],
) -> None:
    block = saved_block(in_florist, "<p>One</p>", "<p>Two</p>")
    viewer = signed_in(member(Role.VIEWER))

    assert "Restore" not in viewer.get(f"{BASE}{block.pk}/versions/").content.decode()
    assert viewer.post(f"{BASE}versions/{block.pk}/1/restore/").status_code == 403
    with organization_scope(museum):
        foreign = saved_block(museum, "<p>Secret</p>")
    assert viewer.get(f"{BASE}versions/{foreign.pk}/1/look/").status_code == 404
    assert TemplateBlock.objects.get(pk=block.pk).version == 2
