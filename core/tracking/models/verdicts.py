"""What came of deriving verdicts again."""

from django.conf import settings
from django.db import models

from core.common.models import UUIDModel


class VerdictRun(UUIDModel):
    """One derivation of the verdicts on past opens and clicks, mail by mail; a worker that dies leaves it to be gone on
    with. There is one unfinished run at most.

    It looks at one campaign, or at all that began on a day or later (`since`), and counts only, or `writes` as well.
    `changes` maps "human>scanner" and the like to the number of events, `reasons` counts those whose verdict stays and
    whose reasons are others. `last_campaign` and `last_contact` are how far it is: both go in order of their ids.
    """

    started_at = models.DateTimeField("started", db_index=True)
    finished_at = models.DateTimeField("finished", null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    campaign_id = models.UUIDField("campaign", null=True, blank=True)
    since = models.DateField("campaigns that began on or after", null=True, blank=True)
    writes = models.BooleanField("writes what it finds", default=False)
    networks_date = models.DateField("networks of")
    campaigns = models.PositiveIntegerField(default=0)
    mails = models.PositiveBigIntegerField(default=0)
    events = models.PositiveBigIntegerField("opens and clicks", default=0)
    changes = models.JSONField(default=dict)
    reasons = models.PositiveBigIntegerField("other reasons only", default=0)
    last_campaign = models.UUIDField(null=True)
    last_contact = models.UUIDField(null=True)

    class Meta:
        verbose_name = "verdict check"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["finished_at"],
                condition=models.Q(finished_at=None),
                nulls_distinct=False,
                name="tracking_verdictrun_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"Check of {self.started_at:%d %B %Y, %H:%M}"

    @property
    def changed(self) -> int:
        return sum(self.changes.values())
