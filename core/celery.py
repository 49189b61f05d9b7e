"""The Celery application. Workers announce themselves, so that /ready can tell whether one is alive."""

import os

from celery import Celery
from celery.signals import heartbeat_sent, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings.dev")

app = Celery("engagex")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
@heartbeat_sent.connect
def _note_worker(**_: object) -> None:
    from core.common.heartbeat import note_worker

    note_worker()
