"""What unfold asks for on every page."""

from django.conf import settings
from django.http import HttpRequest


def environment_label(request: HttpRequest) -> list[str] | None:
    """A label beside the page's title: only where mistakes must not look like production's."""
    return ["Debug mode", "danger"] if settings.DEBUG else None
