"""A worker of the send pipeline as a process of its own, that a test can kill; or that kills itself at a named point.

    python -m tests.concurrency.worker_process [--kill-at POINT] [--materialise CAMPAIGN --organization ID]

Sweeps and sends until nothing is open. Prints "ready" when Django is loaded, then one line per loop in which it worked.
"""

import argparse
import functools
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import django

IDLE_SECONDS = 0.05
WORK_SECONDS = 5.0


def die() -> None:
    """What `kill -9` does: no handler runs, no connection says goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(module: Any, name: str, *, when: Callable[[Any], bool] = lambda result: True) -> None:
    """Kill this process as soon as the function has returned."""
    original = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if when(result):
            die()
        return result

    setattr(module, name, wrapped)


def kill_points() -> dict[str, Callable[[], None]]:
    """The named points: between each pair of commits, and in the middle of what they enclose."""
    from core.delivery import claim, dispatch, intent, materialise, outcomes
    from core.delivery.transports import smtp

    return {
        "before_claim_commit": lambda: inside_a_transaction(claim, "find_batch"),
        "after_claim": lambda: dying_after(claim, "find_batch", when=lambda found: found.claim is not None),
        "before_intent_commit": lambda: dying_after(intent, "_written"),
        "after_intent": lambda: dying_after(intent, "commit_intent"),
        "in_the_call": lambda: dying_after(smtp, "_hand_over"),
        "after_the_call": lambda: dying_after(smtp.SmtpTransport, "send"),
        "before_outcome_and_intent_commit": lambda: dying_after(intent, "_written", when=second()),
        "after_outcome_and_intent": lambda: dying_after(intent, "commit_intent", when=second()),
        "before_outcome_commit": lambda: inside_a_transaction(hurried(outcomes), "record"),
        "after_outcome": lambda: dying_after(hurried(outcomes), "record"),
        "after_settle": lambda: dying_after(dispatch, "_dispatch"),
        "between_chunks": lambda: dying_after(materialise, "_write_chunk"),
        "before_start": lambda: dying_after(materialise, "_write_ledger"),
    }


def second() -> Callable[[Any], bool]:
    """True from the second time on."""
    calls = itertools.count()
    return lambda result: next(calls) > 0


def hurried(module: Any) -> Any:
    """Out of time after the first slice: its outcome is a commit of its own, as no other slice follows."""
    from core.delivery import dispatch

    dispatch.dispatch = functools.partial(_out_of_time, dispatch.dispatch)
    return module


def _out_of_time(original: Callable[..., Any], claim: Any, *, deadline: float) -> Any:
    return original(claim, deadline=0.0)


def inside_a_transaction(module: Any, name: str) -> None:
    """Kill this process after the function's statements and before their commit."""
    from django.db import transaction

    original = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            original(*args, **kwargs)
            die()

    setattr(module, name, wrapped)


def run() -> None:
    """Sweep and send until no campaign is open and no doubt is waiting."""
    from core.campaigns.models import Campaign
    from core.common.tenancy import all_organizations
    from core.delivery.dispatch import work
    from core.delivery.models import Message
    from core.delivery.sweeper import sweep
    from core.delivery.transports.registry import transports

    with all_organizations(reason="a worker process of the tests"):
        while Campaign.objects.filter(status__in=["sending", "cancelling"]).exists() or (
            Message.objects.filter(send_state="uncertain").exists()
        ):
            sweep(ready_limit=1)
            tally = work(worker=f"worker:{os.getpid()}", seconds=WORK_SECONDS)
            if tally:
                say(str(dict(tally)))
            else:
                time.sleep(IDLE_SECONDS)
        transports.close()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kill-at")
    parser.add_argument("--materialise")
    parser.add_argument("--organization")
    parser.add_argument("--chunk", type=int)
    options = parser.parse_args()
    django.setup()
    if options.kill_at:
        kill_points()[options.kill_at]()
    say("ready")
    if options.materialise:
        from core.common.tenancy import organization_scope
        from core.delivery import materialise

        materialise.CHUNK = options.chunk or materialise.CHUNK
        with organization_scope(options.organization):
            materialise.materialise_campaign(campaign_id=options.materialise)
    else:
        run()


if __name__ == "__main__":
    main()
