"""The first page, and the part of it that brings itself up to date."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.home.cockpit import Wanted, cockpit
from core.adminsite.home.overview import overview
from core.adminsite.home.reader import zone_of
from core.adminsite.pages import register_page
from core.common.heartbeat import FRESH_SECONDS, worker_seen_seconds_ago

SECONDS_BETWEEN_NEWS = 30


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by unfold with the context of the index page."""
    return {**context, "title": "Home", **_home(request)}


@register_page("home/live/", name="home_live", permission=Permission.CAMPAIGNS_VIEW)
@require_safe
@never_cache
def home_live(request: HttpRequest) -> HttpResponse:
    """The first page without its frame, for the same address: what the page takes over every half a minute."""
    return TemplateResponse(request, "adminsite/home.html", _home(request))


def _home(request: HttpRequest) -> dict[str, Any]:
    access: Access = request.access  # type: ignore[attr-defined]
    now, zone = timezone.now(), zone_of(request)
    shared = {
        "zone": zone,
        "zone_words": zone.key.replace("_", " "),
        "now": now,
        "behind": _behind(),
        "live_url": reverse("admin:home_live") if access.can(Permission.CAMPAIGNS_VIEW) else "",
        "live_seconds": SECONDS_BETWEEN_NEWS,
        "home_of": str(access.current.pk) if access.current else "all",
    }
    if access.current:
        return {**shared, "overview": overview(access, access.current, now)}
    if not access.organizations:
        return shared
    wanted = Wanted.of(request.GET.dict())
    return {**shared, "cockpit": cockpit(access, wanted, now=now, zone=zone)}


def _behind() -> str:
    """Why the numbers may be old; "" while somebody counts."""
    seconds = worker_seen_seconds_ago()
    if seconds is not None and seconds <= FRESH_SECONDS:
        return ""
    since = f"for {round(seconds / 60)} minutes" if seconds is not None and seconds >= 90 else "for a while"
    return f"These numbers are behind: no worker has been seen {since}. Nothing goes out until one runs again."
