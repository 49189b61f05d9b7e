"""Whose clock the first page shows: that of the reader's browser, which tells its zone in a cookie."""

from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone

from core.common.validators import time_zone_names

COOKIE = "ex_zone"


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The zone the browser named, or the server's as long as it named none that there is."""
    named = request.COOKIES.get(COOKIE, "")
    return ZoneInfo(named if named in time_zone_names() else timezone.get_current_timezone_name())
