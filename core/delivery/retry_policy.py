"""When a mail that a provider did not take is tried again."""

import random

MAX_ATTEMPTS = 10
FIRST_DELAY_SECONDS = 60.0
LONGEST_DELAY_SECONDS = 3600.0
LONGEST_WISH_SECONDS = 24 * 3600


def retry_delay_seconds(*, attempts: int, retry_after_seconds: int | None = None) -> float | None:
    """Seconds until the next attempt after `attempts` made, None when it was tried often enough.

    Exponential with full jitter, so that those refused together do not come back together; never before the moment the
    provider asked for (a day at most).
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    ceiling = min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), LONGEST_DELAY_SECONDS)
    return max(random.uniform(1, ceiling), min(retry_after_seconds or 0, LONGEST_WISH_SECONDS))  # noqa: S311
