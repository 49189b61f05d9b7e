"""A client's brand as merge tags: `{{ brand.color }}` and its like, the same for every recipient of a mail.

Colours and the font may stand where no other value may, in style attributes and <style>: `brand_values` only ever
gives a `#rrggbb` or one of FONT_STACKS for them, and the escape for such places lets nothing else through.
"""

from typing import Protocol

from django.conf import settings

from core.accounts.choices import MailFont
from core.accounts.models import Organization
from core.accounts.public_pages.frame import readable_on
from core.email_templates.escapes import COLOR, FONT_STACKS

NEUTRAL_COLOR = "#374151"
_DEFAULT_TEXT = "#1f2937"
_DEFAULT_BACKGROUND = "#f3f4f6"
_DARK_SHEET = "#1c1c1f"
"""What the starters put behind text in dark mode."""
_WHITE = "#ffffff"
_READABLE = 4.5
_STEPS = 20

STYLE_KEYS = frozenset(
    f"brand.{name}"
    for name in (
        "color",
        "on_color",
        "link_color",
        "dark_color",
        "button_color",
        "on_button",
        "text_color",
        "background",
        "font",
    )
)
BRAND_KEYS = (
    "brand.logo_url",
    "brand.color",
    "brand.on_color",
    "brand.link_color",
    "brand.dark_color",
    "brand.button_color",
    "brand.on_button",
    "brand.text_color",
    "brand.background",
    "brand.font",
    "brand.website",
    "brand.facebook",
    "brand.instagram",
    "brand.linkedin",
    "brand.youtube",
    "brand.x",
)


class Brand(Protocol):
    """What of a client makes its look; Organization has it."""

    color: str
    button_color: str
    text_color: str
    background_color: str
    mail_font: str
    website: str


def brand_values(organization: Organization | None) -> dict[str, str]:
    """Every key of BRAND_KEYS with its value; without a client a neutral look. Costs no query.

    `on_color` and `on_button` are black or white, whichever is read better on the colour; `link_color` is the colour
    made dark enough for white paper, `dark_color` made light enough for dark paper (4.5 to 1, WCAG 2.2).
    """
    color = _color(organization.color if organization else "", NEUTRAL_COLOR)
    button = _color(organization.button_color if organization else "", color)
    addresses = ("website", "facebook_url", "instagram_url", "linkedin_url", "youtube_url", "x_url")
    return {
        "brand.logo_url": logo_url(organization) if organization else "",
        "brand.color": color,
        "brand.on_color": readable_on(color),
        "brand.link_color": _readable(color, _WHITE),
        "brand.dark_color": _readable(color, _DARK_SHEET),
        "brand.button_color": button,
        "brand.on_button": readable_on(button),
        "brand.text_color": _color(organization.text_color if organization else "", _DEFAULT_TEXT),
        "brand.background": _color(organization.background_color if organization else "", _DEFAULT_BACKGROUND),
        "brand.font": FONT_STACKS.get(organization.mail_font if organization else "", FONT_STACKS[MailFont.SANS]),
        **{
            f"brand.{name.removesuffix('_url')}": getattr(organization, name) if organization else ""
            for name in addresses
        },
    }


def logo_url(organization: Organization) -> str:
    """The public address of the client's logo, "" without one. It stays valid when another logo takes its place."""
    if not organization.logo_name:
        return ""
    return f"{settings.PUBLIC_URL}/brand/{organization.pk}/{organization.logo_name}"


def _color(value: str, otherwise: str) -> str:
    return value.lower() if COLOR.fullmatch(value) else otherwise


def _readable(color: str, paper: str) -> str:
    """`color`, mixed with black or white step by step until it can be read on `paper`."""
    ink = readable_on(paper)
    for step in range(_STEPS + 1):
        mixed = _mixed(color, ink, step / _STEPS)
        if _contrast(mixed, paper) >= _READABLE:
            return mixed
    return ink


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))


def _contrast(one: str, two: str) -> float:
    brighter, darker = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [part / 255 for part in _channels(color)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
