"""Looks of the demo clients: brand kits with drawn logos, a shared block, and a template that went through versions."""

import io
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from core.accounts.choices import MailFont
from core.accounts.logos import read_logo
from core.accounts.models import Organization, User
from core.accounts.services import organization_logo_set
from core.adminsite.demo.stories import FLORIST, MUSEUM, SOFTWARE, ClientStory
from core.common.request_context import request_context
from core.email_templates.models import BlockCategory, EmailTemplate, Markup, TemplateBlock, TemplateCategory
from core.email_templates.services import block_save, template_save

OFFER_TEMPLATE = "Weekend offer"
_LOGO_HEIGHT = 96


@dataclass(frozen=True)
class Look:
    """A brand kit. `mark` is drawn in front of the name in the logo; "" for a client without a logo."""

    mark: str
    values: dict[str, str]


LOOKS = {
    FLORIST.slug: Look(
        "circle",
        {
            "button_color": "#9d174d",
            "text_color": "#1f2937",
            "background_color": "#eef5f2",
            "mail_font": MailFont.GEORGIA,
            "website": "https://www.petal-and-stem.example",
            "instagram_url": "https://instagram.com/petal-and-stem.example",
            "facebook_url": "https://facebook.com/petal-and-stem.example",
        },
    ),
    SOFTWARE.slug: Look(
        "square",
        {
            "text_color": "#111827",
            "background_color": "#f1f0f9",
            "mail_font": MailFont.SYSTEM,
            "website": "https://northwind-code.example",
            "linkedin_url": "https://linkedin.com/company/northwind-code.example",
        },
    ),
    MUSEUM.slug: Look(
        "",
        {
            "text_color": "#292524",
            "background_color": "#f7f3ec",
            "mail_font": MailFont.TREBUCHET,
            "website": "https://salt-museum.example",
        },
    ),
}
_PROMISE = (
    '<p style="margin: 0; padding: 16px 20px; background-color: {{ brand.color }}; color: {{ brand.on_color }}; '
    'font-family: {{ brand.font }}; font-size: 15px; line-height: 23px;">Fresh for seven days, or we bring new ones. '
    "That is our promise.</p>"
)
_OFFER = """<mjml lang="en">
  <mj-head>
    <mj-title>{{ campaign.subject }}</mj-title>
    <mj-attributes>
      <mj-all font-family="{{ brand.font }}" />
      <mj-text color="{{ brand.text_color }}" font-size="16px" line-height="26px" padding="0 32px 18px 32px" />
    </mj-attributes>
  </mj-head>
  <mj-body background-color="{{ brand.background }}">
    <mj-section background-color="#ffffff" padding="32px 0">
      <mj-column>
        <mj-text font-size="30px" line-height="38px">HEADLINE</mj-text>
        <mj-text>Hello {{ contact.first_name | default: "there" }}, this weekend WORDS</mj-text>
        <mj-button href="https://www.petal-and-stem.example/weekend" background-color="{{ brand.button_color }}"
          color="{{ brand.on_button }}">See what is in the shop</mj-button>
BLOCK        <mj-text font-size="13px" line-height="20px" color="#4b5563" padding="18px 32px 0 32px">
          {{ organization.postal_address }}<br>
          <a href="{{ system.unsubscribe_url }}" style="color: #4b5563;">Unsubscribe</a>
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


def brand_client(organization: Organization, story: ClientStory) -> None:
    """The client's brand kit, once: what somebody changed in the demo stays."""
    look = LOOKS[story.slug]
    if organization.website:
        return
    Organization.objects.filter(pk=organization.pk).update(**look.values)
    organization.refresh_from_db()
    if look.mark:
        organization_logo_set(organization=organization, logo=read_logo(_drawn_logo(story, look.mark)))


def florist_block_and_template(organization: Organization, author: User) -> None:
    """A block, and a template of several versions that shows it."""
    if TemplateBlock.objects.filter(key="promise").exists():
        return
    block_save(
        block=TemplateBlock(
            organization=organization,
            name="Our promise",
            key="promise",
            category=BlockCategory.CONTENT,
            html=_PROMISE,
        )
    )
    template = EmailTemplate(
        organization=organization, name=OFFER_TEMPLATE, category=TemplateCategory.PROMOTION, markup=Markup.MJML
    )
    steps = (
        ("Weekend offer", "everything yellow is cheaper.", ""),
        ("Everything yellow, 15% less", "everything yellow costs 15% less.", ""),
        (
            "Everything yellow, 15% less",
            "everything yellow costs 15% less.",
            "        <mj-text>{{ block.promise }}</mj-text>\n",
        ),
    )
    with request_context(actor_id=author.pk, actor_label=author.email):
        for headline, words, block in steps:
            html = _OFFER.replace("HEADLINE", headline).replace("WORDS", words).replace("BLOCK", block)
            template.subject, template.html = headline, html
            template_save(template=template)


def _drawn_logo(story: ClientStory, mark: str) -> bytes:
    """The client's name beside a simple shape in its colour, on a transparent ground."""
    font = ImageFont.load_default(size=52)
    width = int(font.getlength(story.name)) + _LOGO_HEIGHT + 24
    picture = Image.new("RGBA", (width, _LOGO_HEIGHT), (255, 255, 255, 0))
    draw = ImageDraw.Draw(picture)
    box = (8, 8, _LOGO_HEIGHT - 8, _LOGO_HEIGHT - 8)
    if mark == "circle":
        draw.ellipse(box, fill=story.color)
    else:
        draw.rounded_rectangle(box, radius=20, fill=story.color)
    draw.text((_LOGO_HEIGHT + 12, _LOGO_HEIGHT / 2), story.name, fill=story.color, font=font, anchor="lm")
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
