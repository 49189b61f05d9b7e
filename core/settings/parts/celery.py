"""Celery: wake-ups only. Rows in PostgreSQL are the truth, so the broker may lose everything."""

from urllib.parse import urlsplit, urlunsplit

from kombu import Queue

from core.common.embedded import locations

CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
# None, or beat adds a clean-up job of its own beside the one in core/schedule.py.
CELERY_RESULT_EXPIRES = None
CELERY_CACHE_BACKEND = "django-cache"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
# acks_late alone does not cover a worker child that is killed: the parent would acknowledge for it.
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TRACK_STARTED = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than any task; nothing is ever scheduled by ETA, so no message waits this long.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2 * 3600,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "max_retries": 2,
}
# A wake-up that cannot be sent at once is dropped: the sweepers find the work, and a click does not wait for a broker.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
# A worker serves the queues by turns, so that a sweep waits behind one job at most, however many imports, exports and
# campaigns in preparation stand in line. Workers without -Q serve all of them.
CELERY_TASK_QUEUES = tuple(Queue(name) for name in ("default", "preparing", "sending", "sweeps"))
CELERY_TASK_ROUTES = {
    "delivery.sweep": {"queue": "sweeps"},
    "delivery.find_confirmations": {"queue": "sweeps"},
    "delivery.materialise": {"queue": "preparing"},
    "delivery.work": {"queue": "sending"},
    "delivery.send_confirmations": {"queue": "sending"},
}


def celery_broker(redis_url: str) -> str:
    """The broker's URL: the same server as the cache, database 1, so that clearing the cache keeps queued work."""
    if redis_url.startswith("unix://"):
        return locations.celery_broker_url(redis_url)
    parts = urlsplit(redis_url)
    return urlunsplit(parts._replace(path="/1"))
