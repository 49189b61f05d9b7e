"""The client's look on a report, kept with it: a new colour later changes no report that went out."""

from typing import Any
from uuid import UUID

from core.accounts.models import Organization
from core.accounts.public_pages.frame import brand_colors, readable_on
from core.accounts.queries import logo_named
from core.reports.document import Brand

_DARKER = 0.85
_READABLE = 4.5
"""Contrast to white that texts need (WCAG 2.2, 1.4.3)."""


def brand_document(organization: Organization) -> dict[str, str]:
    """What is kept of the brand."""
    color, _text_color = brand_colors(organization)
    return {"client": organization.name, "color": color, "logo": organization.logo_name}


def brand_of(organization_id: UUID, kept: dict[str, Any]) -> Brand:
    """The look that `brand_document` kept, with the logo's picture."""
    logo = logo_named(organization_id=organization_id, name=kept["logo"]) if kept["logo"] else None
    return Brand(
        client=kept["client"],
        color=kept["color"],
        text_color=readable_on(kept["color"]),
        ink=ink_of(kept["color"]),
        logo=bytes(logo.content) if logo else b"",
        logo_type=logo.content_type if logo else "",
    )


def ink_of(color: str) -> str:
    """The colour itself where it can be read on white, else a darker shade of it."""
    channels = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    while 1.05 / (_luminance(channels) + 0.05) < _READABLE:
        channels = [int(channel * _DARKER) for channel in channels]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _luminance(channels: list[int]) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [channel / 255 for channel in channels]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
