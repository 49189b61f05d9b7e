"""The sign of life of a worker while a provider keeps it waiting.

A lease is short, so that a killed worker's batch is recovered within a minute; a patient call to a slow server may last
much longer. A thread beside it renews the lease, and dies with the process.
"""

import logging
import threading
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection

from core.common.tenancy import organization_scope
from core.delivery import claim as claims
from core.delivery.claim import BatchClaim

logger = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews the lease of the batch it was given last, three times in the length of a lease."""

    def __init__(self) -> None:
        self._claim: BatchClaim | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def keep(self, claim: BatchClaim | None) -> None:
        """Renew this one from now on; None: nothing."""
        self._claim = claim

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._claim = None
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(settings.DELIVERY_LEASE_SECONDS / 3):
                self._renew()
        finally:
            connection.close()

    def _renew(self) -> None:
        claim = self._claim
        if claim is None:
            return
        try:
            with organization_scope(claim.organization_id):
                claims.renew(claim)
        except DatabaseError as error:
            # The lease goes on; if the database stays away, the batch is recovered and nothing is sent twice.
            logger.warning("The lease of batch %s was not renewed: %s", claim.batch_id, error)
            connection.close()
