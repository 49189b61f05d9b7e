"""Parts of the contact page that other packages and rooms add.

They register when the application starts (`AppConfig.ready`); the page shows them in order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import slugify

from core.contacts.models import Contact

Rendered = tuple[str, dict[str, Any]]
"""The name of a template and its context."""


@dataclass(frozen=True, slots=True)
class ContactSection:
    """`render` gives template and context for this person and contact, or None when there is nothing to show."""

    order: int
    title: str
    render: Callable[[HttpRequest, Contact], Rendered | None]


_sections: list[ContactSection] = []


def register_contact_section(
    *, order: int, title: str, render: Callable[[HttpRequest, Contact], Rendered | None]
) -> None:
    """Add a part to the page of every contact. Called once, when the application starts."""
    _sections.append(ContactSection(order, title, render))
    _sections.sort(key=lambda section: section.order)


def contact_sections() -> tuple[ContactSection, ...]:
    """What was registered, in the order of the page."""
    return tuple(_sections)


def key_from(request: HttpRequest, name: str) -> UUID | None:
    """The key of a section's page in the address; whatever is none means the first page."""
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class RenderedSection:
    """`slug` is the anchor of the section on the page."""

    title: str
    slug: str
    html: SafeString


def rendered_sections(request: HttpRequest, contact: Contact) -> tuple[RenderedSection, ...]:
    """The sections that have something to show. Their templates find `contact` and `slug` besides their own context."""
    sections = []
    for section in _sections:
        rendered = section.render(request, contact)
        if rendered is not None:
            template, context = rendered
            slug = slugify(section.title)
            html = render_to_string(template, {"contact": contact, "slug": slug, **context}, request=request)
            sections.append(RenderedSection(section.title, slug, html))
    return tuple(sections)
