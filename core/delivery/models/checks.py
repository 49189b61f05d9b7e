"""What came of looking whether the ledger holds."""

from django.conf import settings
from django.db import models

from core.common.models import UUIDModel


class LedgerCheck(UUIDModel):
    """One look at the ledgers of all clients, campaign by campaign; a worker that dies leaves it to be gone on with.

    `findings` maps the key of each broken invariant to {"count", "offenders": [[id, detail, campaign id], …]}, without
    anything that names a person. `too_large` are campaigns that could not be looked at in time. `last_campaign` is how
    far it is: campaigns are taken in order of their ids. There is one unfinished check at most.
    """

    started_at = models.DateTimeField("started", db_index=True)
    finished_at = models.DateTimeField("finished", null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    covers_all = models.BooleanField(
        "looks at everything", default=False, help_text="Otherwise at what went out in the last 30 days."
    )
    campaigns = models.PositiveIntegerField(default=0)
    last_campaign = models.UUIDField(null=True)
    findings = models.JSONField(default=dict)
    too_large = models.JSONField(default=list)

    class Meta:
        verbose_name = "ledger check"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["finished_at"],
                condition=models.Q(finished_at=None),
                nulls_distinct=False,
                name="delivery_ledgercheck_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"Check of {self.started_at:%d %B %Y, %H:%M}"

    @property
    def is_sound(self) -> bool:
        """Finished, and every invariant held everywhere."""
        return self.finished_at is not None and not self.findings and not self.too_large
