"""Blocks: put in once, bounded, and looked after when they change."""

import pytest

from core.accounts.models import Organization
from core.campaigns.snapshot import draft_snapshot
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.blocks import BlockError, expand_blocks
from core.email_templates.errors import BlockRefused, TemplateChangedMeanwhile
from core.email_templates.models import TemplateBlock
from core.email_templates.preview import MailSource
from core.email_templates.queries import block_use, inspect_block, inspect_written, source_of, templates_with_block
from tests.support import factories

WAY_OUT = '<a href="{{ system.unsubscribe_url }}">Leave this list</a>'


def make_block(organization: Organization, key: str = "footer", html: str = WAY_OUT) -> TemplateBlock:
    block = TemplateBlock(organization=organization, name=f"The {key}", key=key, html=html)
    services.block_save(block=block)
    return block


def test_expand_puts_blocks_in_blocks_and_keeps_lines() -> None:
    expanded = expand_blocks("a\n{{ block.outer }}\nb\n", {"outer": "[{{block.inner}}\n]", "inner": "x\ny"})

    assert expanded.html == "a\n[x\ny\n]\nb\n"
    assert expanded.lines == (1, 2, 2, 2, 3, 4)


@pytest.mark.parametrize(
    ("source", "blocks", "words"),
    [
        ("\n{{ block.foter }}", {"footer": "x"}, "Did you mean {{ block.footer }}?"),
        ("\n{{ block.a }}", {"a": "{{ block.a }}"}, "a → a"),
        ("\n{{ block.a }}", {"a": "{{ block.b }}", "b": "{{ block.a }}"}, "a → b → a"),
        ("\n{{ block.a }}", {"a": "{{ block.b }}", "b": "{{ block.c }}", "c": "{{ block.d }}", "d": ""}, "3 deep"),
        ('\n<p title="{{ block.a }}">', {"a": "x"}, "inside a tag"),
        ("\n<style>{{ block.a }}</style>", {"a": "x"}, "inside a tag or a style"),
        ("\n" + "{{ block.a }}" * 30, {"a": "x" * 20_000}, "longer than"),
    ],
)
def test_expand_refuses_with_a_sentence_and_the_line(source: str, blocks: dict[str, str], words: str) -> None:
    with pytest.raises(BlockError) as refused:
        expand_blocks(source, blocks)

    assert words in str(refused.value)
    assert refused.value.line in (1, 2)


def test_expand_of_blocks_that_multiply_ends_quickly() -> None:
    blocks = {"a": "{{ block.b }}" * 900, "b": "{{ block.c }}" * 900, "c": ""}

    assert expand_blocks("{{ block.a }}" * 900, blocks).html == ""


def test_expand_leaves_a_tag_in_a_comment() -> None:
    assert expand_blocks("<!-- {{ block.none }} -->", {}).html == "<!-- {{ block.none }} -->"


def test_source_of_holds_the_block_in_html_and_in_mjml(in_florist: Organization) -> None:
    make_block(in_florist)
    html = factories.make_template(in_florist, "HTML", html="<p>{{ block.footer }}</p>")
    mjml = factories.make_template(
        in_florist,
        "MJML",
        markup="mjml",
        html="<mjml><mj-body><mj-section><mj-column><mj-text>{{ block.footer }}</mj-text></mj-column></mj-section>"
        "</mj-body></mjml>",
    )

    assert all(WAY_OUT in source_of(template).html for template in (html, mjml))


def test_blocks_of_another_client_are_unknown(in_florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        make_block(museum)
    template = factories.make_template(in_florist, html="{{ block.footer }}")

    with pytest.raises(BlockError, match="no block of this name"):
        source_of(template)


def test_inspection_says_the_line_of_the_source_behind_a_block(in_florist: Organization) -> None:
    make_block(in_florist, html="<p>\n\n\n</p>")
    written = MailSource("S", "", f"{{{{ block.footer }}}}\n<p>{{{{ contact.emial }}}}</p>{WAY_OUT}")

    inspection = inspect_written(written, markup="html", organization_id=in_florist.pk)

    assert [(found.line, found.field) for found in inspection.errors] == [(2, "html")]


def test_inspect_block_finds_a_way_back_to_itself(in_florist: Organization) -> None:
    make_block(in_florist, "a", "x")
    make_block(in_florist, "b", "{{ block.a }}")

    (found,) = inspect_block("a", "{{ block.b }}", organization_id=in_florist.pk)

    assert found.is_error and "a → b → a" in found.message


def test_save_that_would_break_a_template_is_refused_and_names_it(in_florist: Organization) -> None:
    block = make_block(in_florist)
    factories.make_template(in_florist, "Spring", html="<p>{{ block.footer }}</p>")
    block.html = "{{ block.gone }}"

    with pytest.raises(BlockRefused, match="“Spring” could not be sent"):
        services.block_save(block=block)

    assert TemplateBlock.objects.get().html == WAY_OUT


def test_new_key_of_a_block_in_use_is_refused(in_florist: Organization) -> None:
    block = make_block(in_florist)
    factories.make_template(in_florist, "Spring", html="<p>{{ block.footer }}</p>")
    block.key = "bottom"

    with pytest.raises(BlockRefused, match="“Spring” uses it"):
        services.block_save(block=block)


def test_delete_of_a_block_in_use_is_refused_and_names_templates_and_blocks(in_florist: Organization) -> None:
    block = make_block(in_florist, "inner", "x")
    make_block(in_florist, "outer", "{{ block.inner }}")
    factories.make_template(in_florist, "Spring", html="{{ block.inner }}")
    factories.make_template(in_florist, "Other", html="{{ block.innermost }}")

    assert [str(row) for row in block_use(block).templates] == ["Spring"]
    with pytest.raises(BlockRefused, match="“Spring”, “The outer” use it"):
        services.block_delete(block_id=block.pk)


def test_delete_of_an_unused_block_works_once(in_florist: Organization) -> None:
    block = make_block(in_florist)

    services.block_delete(block_id=block.pk)

    with pytest.raises(TemplateBlock.DoesNotExist):
        services.block_delete(block_id=block.pk)


def test_templates_are_found_by_way_of_other_blocks(in_florist: Organization) -> None:
    make_block(in_florist, "inner", "x")
    make_block(in_florist, "outer", "{{ block.inner }}")
    template = factories.make_template(in_florist, html="{{ block.outer }}")

    assert templates_with_block(in_florist.pk, "inner") == [template]


def test_change_of_a_block_changes_the_hash_of_a_draft(in_florist: Organization) -> None:
    block = make_block(in_florist)
    template = factories.make_template(in_florist, html="<p>{{ block.footer }}</p>")
    campaign = factories.make_campaign(in_florist, template=template)
    before = draft_snapshot(campaign)[0].content_hash
    block.html = f"<b>{WAY_OUT}</b>"

    services.block_save(block=block)

    assert draft_snapshot(campaign)[0].content_hash != before


def test_hold_of_a_block_that_another_saved_is_refused(in_florist: Organization) -> None:
    block = make_block(in_florist)
    services.block_hold(block_id=block.pk, version=1)
    block.html = "<p>New</p>"
    services.block_save(block=block)

    with pytest.raises(TemplateChangedMeanwhile):
        services.block_hold(block_id=block.pk, version=1)
