"""What the checks look at: one campaign, read and taken apart once."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.queries import drafted_audience
from core.campaigns.snapshot import mail_source
from core.contacts.audience import AudienceCounts, AudienceDefinition
from core.email_templates.inspection import Inspection, inspect_mail
from core.email_templates.links import LINK_ELEMENTS
from core.email_templates.markup import TokenKind, tokens_of, unescape_attribute
from core.email_templates.merge_tags import mask_tags
from core.email_templates.preview import MailSource
from core.email_templates.text import html_to_text


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a link or picture as written (character references read, merge tags kept), and its line."""

    url: str
    line: int
    is_picture: bool = False


@dataclass
class Case:
    """One campaign under the checks. `audience` is None when nobody was counted; `at` is when it would begin (None:
    now)."""

    campaign: Campaign
    audience: AudienceCounts | None = None
    at: datetime.datetime | None = None

    @property
    def organization(self) -> Organization:
        return self.campaign.organization

    @property
    def organization_id(self) -> UUID:
        return self.campaign.organization_id

    @cached_property
    def definition(self) -> AudienceDefinition:
        return drafted_audience(self.campaign)

    @cached_property
    def source(self) -> MailSource:
        return mail_source(self.campaign)

    @cached_property
    def inspection(self) -> Inspection:
        return inspect_mail(self.source)

    @cached_property
    def text(self) -> str:
        """The mail as plain text: the author's own, or what is made of the HTML; "" when that cannot be read."""
        return self.source.text or html_to_text(self.inspection.prepared)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link and picture of the HTML, in order."""
        return tuple(_links(self.source.html))


def _links(html: str) -> Iterator[Link]:
    line, counted_to = 1, 0
    for token in tokens_of(mask_tags(html)):
        line, counted_to = line + html.count("\n", counted_to, token.start), token.start
        if token.kind is not TokenKind.START_TAG:
            continue
        wanted = "href" if token.name in LINK_ELEMENTS else "src" if token.name == "img" else ""
        attribute = next((item for item in token.attributes if item.name == wanted), None) if wanted else None
        if attribute is not None:
            url = unescape_attribute(html[attribute.value_start : attribute.value_end]).strip()
            yield Link(url, line + html.count("\n", token.start, attribute.start), wanted == "src")
