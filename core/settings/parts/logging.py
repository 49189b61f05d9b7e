"""Log lines that carry the request id: text for a terminal, JSON in production."""

from typing import Any


def logging_config(level: str, *, json: bool) -> dict[str, Any]:
    """A dictConfig. With `json`, one object a line: time, level, logger, message, request_id and extras."""
    formatter: dict[str, Any] = {
        "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
    }
    if json:
        formatter = {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": "core.common.logs.RequestIdFilter"}},
        "formatters": {"line": formatter},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Uncaught errors of requests come here with their traceback.
            "django.request": {"level": "ERROR"},
            "celery.app.trace": {"level": "WARNING"},
            "django_celery_beat": {"level": "WARNING"},
        },
    }
