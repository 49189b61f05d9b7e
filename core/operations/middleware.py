"""An honest answer while the database is away."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 30


class DatabaseAwayMiddleware:
    """503 with Retry-After (RFC 9110, sections 10.2.3 and 15.6.4) instead of 500: mailbox providers repeat a one-click
    unsubscribe that was answered so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, (OperationalError, InterfaceError)):
            return None
        logger.error("The database is away: %s", exception)
        answer = HttpResponse("The database is away for a moment. Please try again.", "text/plain", status=503)
        answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer
