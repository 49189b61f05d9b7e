"""What the checks look at: one campaign, each of its mails read and taken apart once."""

import copy
import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from core.accounts.models import Organization
from core.campaigns.ab.queries import FEWEST_VARIANTS, ab_test_of, variants_of
from core.campaigns.models import ABTest, Campaign, CampaignVariant
from core.campaigns.queries import drafted_audience
from core.campaigns.snapshot import mail_source
from core.campaigns.wrong_client import Agency, agency
from core.contacts.audience import AudienceCounts, AudienceDefinition
from core.email_templates.inspection import Inspection
from core.email_templates.links import LINK_ELEMENTS
from core.email_templates.markup import TokenKind, tokens_of, unescape_attribute
from core.email_templates.merge_tags import mask_tags
from core.email_templates.models import Markup
from core.email_templates.preview import MailSource
from core.email_templates.queries import LinedHtml, inspect_lined, lined_html
from core.email_templates.text import html_to_text


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a link or picture as written (character references read, merge tags kept), and its line in the
    template (0: it comes out of a block)."""

    url: str
    line: int
    is_picture: bool = False


@dataclass
class Case:
    """One campaign under the checks. `audience` is None when nobody was counted; `at` is when it would begin (None:
    now).

    With an A/B test each variant is a case of its own (`mails`): its `campaign` has the variant's sender and template,
    its `source` the variant's words.
    """

    campaign: Campaign
    audience: AudienceCounts | None = None
    at: datetime.datetime | None = None
    variant: CampaignVariant | None = None
    whole: "Case | None" = None

    @property
    def organization(self) -> Organization:
        return self.campaign.organization

    @property
    def organization_id(self) -> UUID:
        return self.campaign.organization_id

    @cached_property
    def ab_test(self) -> ABTest | None:
        return ab_test_of(self.campaign)

    @cached_property
    def variants(self) -> list[CampaignVariant]:
        return variants_of(self.campaign) if self.ab_test is not None else []

    @cached_property
    def mails(self) -> tuple["Case", ...]:
        """The mails that go out: the campaign's own, or with an A/B test one for each variant, A first."""
        if self.variant is not None or len(self.variants) < FEWEST_VARIANTS:
            return (self,)
        return tuple(variant_case(self, variant) for variant in self.variants)

    def said_of(self, numbers: Collection[int]) -> str:
        """The beginning of a sentence about some of the `mails` (from 0): "Variant B: "; "" without a test."""
        if len(self.mails) == 1:
            return ""
        if len(numbers) == len(self.mails):
            return "Both variants: " if len(numbers) == 2 else "All variants: "
        *first, last = (str(self.mails[number].variant).removeprefix("Variant ") for number in numbers)
        return f"Variants {', '.join(first)} and {last}: " if first else f"Variant {last}: "

    @cached_property
    def sender(self) -> tuple[str, str, str]:
        return self.campaign.from_name, self.campaign.from_email, self.campaign.reply_to

    @cached_property
    def agency(self) -> Agency:
        return self.whole.agency if self.whole is not None else agency()

    @cached_property
    def definition(self) -> AudienceDefinition:
        return drafted_audience(self.campaign)

    @cached_property
    def source(self) -> MailSource:
        return mail_source(self.whole.campaign if self.whole else self.campaign, self.variant)

    @cached_property
    def lined(self) -> LinedHtml:
        """The HTML of `source` with the lines that stand in the template."""
        return lined_html(self.campaign.template)

    @property
    def language(self) -> str:
        """What the lines of `inspection` and `links` count in. Corrections are HTML, whatever their template is."""
        is_own = self.lined.lines is None
        return str(Markup.HTML.label if is_own else Markup(self.campaign.template.markup).label)

    @cached_property
    def inspection(self) -> Inspection:
        return inspect_lined(self.source, self.lined)

    @cached_property
    def text(self) -> str:
        """All that can be read in the mail: the words of the HTML (none when it cannot be read), and behind them the
        author's own plain text where there is one."""
        return "\n".join(filter(None, (html_to_text(self.inspection.prepared), self.source.text)))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link and picture of the HTML, in order."""
        found = _links(self.lined.html)
        return tuple(replace(link, line=self.lined.line(link.line, link.url)) for link in found)


def variant_case(whole: Case, variant: CampaignVariant) -> Case:
    """The mail of one variant, with the sender and the template that it has."""
    campaign = copy.copy(whole.campaign)
    campaign.from_name = variant.from_name or campaign.from_name
    campaign.from_email = variant.from_email or campaign.from_email
    if variant.template is not None:
        campaign.template = variant.template
    return Case(campaign, whole.audience, whole.at, variant, whole)


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
