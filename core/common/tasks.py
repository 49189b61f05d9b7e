"""How work reaches Celery: ids only, after commit, with the request id, inside a scope that the base class opens."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from celery import Task, current_app, shared_task
from django.db import transaction

from core.common.db import advisory_lock
from core.common.request_context import current_context, request_context
from core.common.tenancy import all_organizations, organization_scope

REQUEST_ID_HEADER = "engagex_request_id"
ACTOR_ID_HEADER = "engagex_actor_id"
ACTOR_LABEL_HEADER = "engagex_actor_label"

logger = logging.getLogger(__name__)

Summary = dict[str, Any]


def organization_task(*, name: str, **options: Any) -> Callable[[Callable[..., Summary]], Task]:
    """A task of one organization: called with `organization_id` (text) and ids, run inside that organization's scope.

    The decorated function gets the ids as keywords (organization_id included) and returns a summary of what it did.
    """

    def decorate(function: Callable[..., Summary]) -> Task:
        @shared_task(bind=True, name=name, **options)
        @functools.wraps(function)
        def run(self: Task, *, organization_id: str, **ids: Any) -> Summary:
            with _task_context(self), organization_scope(organization_id):
                return _noted(name, function(organization_id=organization_id, **ids))

        return run

    return decorate


def agency_task(*, name: str, per: str = "", **options: Any) -> Callable[[Callable[..., Summary]], Task]:
    """A job over all organizations. Two beats, or a slow run, do no harm: only one run at a time works.

    With `per`, the name of an argument: one run at a time for each of its values.
    """

    def decorate(function: Callable[..., Summary]) -> Task:
        # The start is noted, so that the list of jobs can say how long the last run took.
        @shared_task(bind=True, name=name, track_started=True, **options)
        @functools.wraps(function)
        def run(self: Task, **ids: Any) -> Summary:
            with _task_context(self), advisory_lock(f"task:{name}:{ids.get(per, '')}") as acquired:
                if not acquired:
                    return {"skipped": "already running"}
                with all_organizations(reason=f"periodic job {name}"):
                    return _noted(name, function(**ids))

        return run

    return decorate


def _noted(name: str, summary: Summary) -> Summary:
    """A log line under the request id of whoever asked; a periodic job that found nothing to do leaves none."""
    if any(summary.values()):
        logger.info("%s: %s", name, summary)
    return summary


def _task_context(task: Task) -> Any:
    """The context of the one who asked for this work; a periodic job acts under its own name."""
    headers = task.request
    return request_context(
        request_id=headers.get(REQUEST_ID_HEADER) or str(task.request.id or ""),
        actor_id=headers.get(ACTOR_ID_HEADER) or None,
        actor_label=headers.get(ACTOR_LABEL_HEADER) or f"job {task.name}",
    )


def enqueue(task: Task, **ids: Any) -> None:
    """Send the task once the transaction commits.

    A broker that is down costs a log line, not the request: the sweepers find the work in the rows.
    """
    context = current_context()
    headers = {
        REQUEST_ID_HEADER: context.request_id,
        ACTOR_ID_HEADER: str(context.actor_id or ""),
        ACTOR_LABEL_HEADER: context.actor_label,
    }
    arguments = {name: str(value) for name, value in ids.items()}
    transaction.on_commit(lambda: task.apply_async(kwargs=arguments, headers=headers), robust=True)


def wake(name: str, **ids: Any) -> None:
    """`enqueue` by name, for a package that may not import the one that does the work. Unknown names raise KeyError."""
    if name not in current_app.tasks:
        current_app.loader.import_default_modules()  # a web process has not read the packages' tasks yet
    enqueue(current_app.tasks[name], **ids)
