"""The worker that reads opens and clicks, as a process of its own that a test can kill. Prints "ready", then reads for
good; what is away is waited for."""

import logging
import sys
import time

import django

logger = logging.getLogger(__name__)
PAUSE_SECONDS = 0.2


def main() -> None:
    django.setup()
    import psycopg
    from django.db import DatabaseError, InterfaceError, connection
    from redis.exceptions import RedisError

    from core.common.tenancy import all_organizations
    from core.tracking.lean import drain

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        try:
            with all_organizations(reason="a worker of a test"):
                drain.drain()
        except (DatabaseError, InterfaceError, RedisError, psycopg.Error) as error:
            logger.warning("Something is away: %s", error)
            connection.close()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
