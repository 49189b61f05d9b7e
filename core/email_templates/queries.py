"""Reads of templates and starters."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Concat

from core.accounts.models import Organization
from core.email_templates.blocks import Expanded, block_keys, block_tag_pattern, expand_blocks, uses_blocks
from core.email_templates.brand import brand_values
from core.email_templates.html import UnreadableHtmlError
from core.email_templates.inspection import Finding, Inspection, inspect_mail
from core.email_templates.merge_tags import KnownKeys
from core.email_templates.mjml import compile_mjml, compile_with_lines
from core.email_templates.models import (
    EmailTemplate,
    Markup,
    StarterTemplate,
    TemplateBlock,
    TemplateContent,
)
from core.email_templates.preview import SAMPLE_VALUES, MailSource

if TYPE_CHECKING:
    from django.db.models import QuerySet

_NAMED_CAMPAIGNS = 5


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """The campaigns that hold on to a template: how many, and the names of the newest few."""

    count: int
    names: tuple[str, ...]


def template_use(template: EmailTemplate) -> TemplateUse:
    """Which campaigns use this template. Two queries at most."""
    campaigns = template.campaigns.order_by("-id")
    names = tuple(campaigns.values_list("name", flat=True)[: _NAMED_CAMPAIGNS + 1])
    count = len(names) if len(names) <= _NAMED_CAMPAIGNS else campaigns.count()
    return TemplateUse(count, names[:_NAMED_CAMPAIGNS])


@dataclass(frozen=True, slots=True)
class BlockUse:
    """What names a block in its source, itself and not by way of another block; in the order of names."""

    templates: tuple[EmailTemplate, ...]
    blocks: tuple[TemplateBlock, ...]

    @property
    def count_of_all(self) -> int:
        return len(self.templates) + len(self.blocks)


def block_use(block: TemplateBlock) -> BlockUse:
    """Which templates and blocks of the client hold this block. Two queries."""
    pattern = {"organization_id": block.organization_id, "html__regex": block_tag_pattern(block.key)}
    return BlockUse(
        templates=tuple(EmailTemplate.objects.filter(**pattern).only("pk", "name", "organization_id").order_by("name")),
        blocks=tuple(TemplateBlock.objects.filter(**pattern).defer("html").order_by("name")),
    )


def templates_with_block(organization_id: UUID, key: str) -> list[EmailTemplate]:
    """The client's templates that show this block, by way of other blocks as well."""
    sources = blocks_of(organization_id)
    keys, grown = {key}, True
    while grown:
        holders = {name for name, html in sources.items() if block_keys(html) & keys}
        grown = not holders <= keys
        keys |= holders
    pattern = "|".join(block_tag_pattern(name) for name in sorted(keys))
    return list(EmailTemplate.objects.filter(organization_id=organization_id, html__regex=pattern).order_by("name"))


def with_campaign_count(templates: "QuerySet[EmailTemplate]") -> "QuerySet[EmailTemplate]":
    """Each template with `campaign_count`."""
    rows = EmailTemplate._meta.get_field("campaigns").related_model._default_manager.filter(
        template_id=OuterRef("pk"), organization_id=OuterRef("organization_id")
    )
    counted = rows.order_by().values("template_id").annotate(number=Count("pk")).values("number")
    return templates.annotate(campaign_count=Coalesce(Subquery(counted), 0))


def with_template_count(blocks: "QuerySet[TemplateBlock]") -> "QuerySet[TemplateBlock]":
    """Each block with `template_count`: the templates whose own source names it."""
    before, after = block_tag_pattern("#").split("#")
    pattern = Concat(Value(before), OuterRef("key"), Value(after), output_field=TextField())
    rows = EmailTemplate.objects.filter(organization_id=OuterRef("organization_id"), html__regex=pattern)
    counted = rows.order_by().values("organization_id").annotate(number=Count("pk")).values("number")
    return blocks.annotate(template_count=Coalesce(Subquery(counted), 0))


def blocks_of_template(template: EmailTemplate) -> list[TemplateBlock]:
    """The blocks that this template shows, those inside blocks among them, in the order of names."""
    blocks = {block.key: block for block in TemplateBlock.objects.filter(organization_id=template.organization_id)}
    found: set[str] = set()
    wanted: set[str] = {*block_keys(template.html)} & blocks.keys()
    while wanted:
        found |= wanted
        wanted = {key for name in wanted for key in block_keys(blocks[name].html)} & blocks.keys() - found
    return sorted((blocks[key] for key in found), key=lambda block: block.name)


def versions_of(owner: EmailTemplate | TemplateBlock) -> list[Any]:
    """Every version of a template or a block, the newest first, without the HTML. One query."""
    return list(owner.versions.select_related("created_by").defer("html").order_by("-number"))


def version_numbered(owner: EmailTemplate | TemplateBlock, number: int) -> Any:
    """One version with its sources; None for a number that is none of this owner's."""
    return owner.versions.filter(number=number).select_related("created_by").first()


def starters() -> list[StarterTemplate]:
    """The agency's designs, in the order of their names."""
    return list(StarterTemplate.objects.order_by("name"))


def source_of(content: TemplateContent) -> MailSource:
    """The mail of a template, starter or version: its HTML with blocks put in, from MJML where it is written in that.

    Costs a query only where blocks are used. Raises UnreadableHtmlError.
    """
    organization_id = getattr(content, "organization_id", None)
    return composed_source(
        MailSource(content.subject, content.preheader, content.html, content.text),
        markup=content.markup,
        organization_id=organization_id,
    )


def composed_source(written: MailSource, *, markup: str, organization_id: UUID | None) -> MailSource:
    """What is sent of what somebody wrote: the one way from the author's `html` to HTML.

    `markup` is one of Markup; blocks are those of this client, there are none without one. Raises UnreadableHtmlError.
    """
    return replace(written, html=_composed(written.html, markup, organization_id).html)


def inspect_written(
    written: MailSource, *, markup: str, organization_id: UUID | None, known: KnownKeys | None = None
) -> Inspection:
    """`inspect_mail` of the composed mail, with the lines of what was written (0 where those are not known).

    What cannot be composed is an error in the result. Raises nothing.
    """
    try:
        lined = _lined(written.html, markup, organization_id)
    except UnreadableHtmlError as error:
        finding = Finding("html", str(error), getattr(error, "line", 0), is_error=True, code="unreadable")
        other = inspect_mail(replace(written, html=""), known)
        errors = (finding, *(found for found in other.errors if found.field != "html"))
        size_bytes = len(written.html.encode())
        return replace(other, errors=errors, warnings=(), hints=(), links=(), size_bytes=size_bytes)
    return inspect_lined(written, lined, known)


@dataclass(frozen=True, slots=True)
class LinedHtml:
    """A mail's composed HTML that knows the author's lines: `lines` as in Expanded (None: they are the same), and
    `source`, what the author wrote, where words are found in it again."""

    html: str
    lines: tuple[int, ...] | None
    source: str = ""

    def line(self, line: int, words: str = "") -> int:
        """The author's line for one of the HTML (0: unknown). Of MJML the lines are those of elements: what is meant by
        `words` may stand some lines further down in it."""
        return line if self.lines is None else _line(line, self.lines, self.source, words)


def lined_html(content: TemplateContent) -> LinedHtml:
    """The HTML of `source_of`, with line breaks of our own inside the tags of MJML. Raises UnreadableHtmlError."""
    return _lined(content.html, content.markup, getattr(content, "organization_id", None))


def inspect_lined(written: MailSource, lined: LinedHtml, known: KnownKeys | None = None) -> Inspection:
    """`inspect_mail` of these words and this HTML, with the author's lines."""
    inspection = inspect_mail(replace(written, html=lined.html), known)
    if lined.lines is None:
        return inspection
    return replace(
        inspection,
        errors=tuple(_at_line(found, lined) for found in inspection.errors),
        warnings=tuple(_at_line(found, lined) for found in inspection.warnings),
        hints=tuple(_at_line(found, lined) for found in inspection.hints),
        links=tuple(replace(link, line=lined.line(link.line, link.target)) for link in inspection.links),
    )


def _lined(html: str, markup: str, organization_id: UUID | None) -> LinedHtml:
    composed = _composed(html, markup, organization_id, has_lines=True)
    if composed.html == html:
        return LinedHtml(html, None)
    return LinedHtml(composed.html, composed.lines, html.replace("\r\n", "\n") if markup == Markup.MJML else "")


def inspect_block(key: str, html: str, *, organization_id: UUID) -> tuple[Finding, ...]:
    """What keeps this HTML from being the block `key`: tags, nesting, blocks that do not exist or lead back to it."""
    blocks = {**blocks_of(organization_id), key: html}
    try:
        # Expanded from outside, so that a block that holds itself, by whatever way, is found.
        expand_blocks(f"{{{{ block.{key} }}}}", blocks)
        composed = expand_blocks(html, blocks)
    except UnreadableHtmlError as error:
        return (Finding("html", str(error), getattr(error, "line", 0), is_error=True, code="blocks"),)
    errors = inspect_mail(MailSource("", "", composed.html)).errors
    lined = LinedHtml(composed.html, composed.lines)
    return tuple(_at_line(found, lined) for found in errors if found.field == "html")


def _composed(html: str, markup: str, organization_id: UUID | None, *, has_lines: bool = False) -> Expanded:
    """With `has_lines` MJML comes with line breaks of our own in its tags, which tell the author's lines."""
    if markup == Markup.MJML:
        compiled, lines = compile_with_lines(html) if has_lines else (compile_mjml(html), ())
        if not uses_blocks(compiled):
            return Expanded(compiled, lines)
        expanded = expand_blocks(compiled, blocks_of(organization_id))
        return Expanded(expanded.html, tuple(_line(line, lines) for line in expanded.lines))
    if not uses_blocks(html):
        return Expanded(html, ())
    return expand_blocks(html, blocks_of(organization_id))


def _at_line(found: Finding, lined: LinedHtml) -> Finding:
    return replace(found, line=lined.line(found.line, found.tag)) if found.field == "html" else found


def _line(line: int, lines: tuple[int, ...], source: str = "", words: str = "") -> int:
    """The author's line for a line of the composed HTML (0: unknown). With `words` of it that stand in the author's
    `source`: the line of the first ones from there on."""
    known = lines[line - 1] if 0 < line <= len(lines) else 0
    start = 0
    for _ in range(known - 1 if words and source else 0):
        start = source.find("\n", start) + 1
    place = source.find(words, start) if words and source and line else -1
    return source.count("\n", 0, place) + 1 if place >= 0 else known


def blocks_of(organization_id: UUID | None) -> dict[str, str]:
    """The HTML of the client's blocks by key."""
    if organization_id is None:
        return {}
    return dict(TemplateBlock.objects.filter(organization_id=organization_id).values_list("key", "html"))


def sample_values(organization: Organization | None) -> dict[str, str]:
    """Values of a made-up person of this client, for previews."""
    return {
        **SAMPLE_VALUES,
        **brand_values(organization),
        "organization.name": organization.name if organization else "Your client",
        "organization.postal_address": organization.postal_address if organization else "1 Example Street, Exampletown",
        "campaign.name": "Example campaign",
    }
