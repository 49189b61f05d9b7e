"""What the web server runs: opens and clicks answered at once, everything else by Django in a pool of threads.

Django's own ASGI handler would give each request a thread, and with it a database connection, of its own.
"""

import os

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings.dev")

_django = WSGIMiddleware(get_wsgi_application(), workers=settings.WEB_THREADS)  # type: ignore[arg-type]

# Models are there once Django is.
from core.tracking.lean.app import LeanTracking  # noqa: E402
from core.tracking.lean.queue import HitQueue, connect  # noqa: E402
from core.tracking.lean.storage import hold, links_of, tell  # noqa: E402

application = LeanTracking(
    _django,
    redis=lambda: connect(str(settings.CACHES["default"]["LOCATION"])),
    queue=lambda redis: HitQueue(redis, limit=settings.TRACKING_QUEUE, keep=hold, tell=tell),
    links=links_of,
)
