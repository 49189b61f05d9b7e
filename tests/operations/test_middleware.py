import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.test import RequestFactory

from core.operations.middleware import RETRY_AFTER_SECONDS, DatabaseAwayMiddleware

MIDDLEWARE = DatabaseAwayMiddleware(lambda request: HttpResponse("fine"))


@pytest.mark.parametrize("error", [OperationalError("server closed the connection"), InterfaceError("closed")])
def test_request_while_the_database_is_away_is_answered_503_with_retry_after(error: Exception) -> None:
    answer = MIDDLEWARE.process_exception(RequestFactory().post("/u/token"), error)
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, str(RETRY_AFTER_SECONDS))
    assert "server closed" not in answer.content.decode()


def test_request_with_any_other_error_takes_the_ordinary_way() -> None:
    assert MIDDLEWARE.process_exception(RequestFactory().get("/"), ValueError("ours")) is None
    assert MIDDLEWARE(RequestFactory().get("/")).content == b"fine"
