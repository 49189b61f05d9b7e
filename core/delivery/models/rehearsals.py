"""Rehearsals: a whole campaign built and handed to nobody."""

from django.conf import settings
from django.db import models

from core.common.constraints import SameOrganization, tenant_key
from core.common.models import OrganizationOwned, UUIDModel


class RehearsalState(models.TextChoices):
    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Could not be built"


REHEARSAL_UNDER_WAY = (RehearsalState.QUEUED, RehearsalState.RUNNING)


class Rehearsal(UUIDModel, OrganizationOwned):
    """One run through the audience of a draft. `last_contact` is the checkpoint: everybody up to there is in `tally`
    (see `rehearsal.tally`), which names people by id only. `content_hash` is what was rehearsed.
    """

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="rehearsals", db_constraint=False, db_index=False
    )
    state = models.CharField(max_length=8, choices=RehearsalState, default=RehearsalState.QUEUED)
    content_hash = models.CharField(max_length=64)
    people_total = models.PositiveIntegerField(null=True)
    people_done = models.PositiveIntegerField(default=0)
    last_contact = models.UUIDField(null=True)
    tally = models.JSONField(default=dict)
    problem = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField("asked", auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)

    class Meta(OrganizationOwned.Meta):
        ordering = ["-id"]
        constraints = [
            tenant_key("delivery_rehearsal"),
            SameOrganization(field="campaign", name="delivery_rehearsal_campaign_same_org"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=models.Q(state__in=["queued", "running"]),
                name="delivery_rehearsal_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "-id"], name="delivery_rehearsal_newest")]

    def __str__(self) -> str:
        return f"Rehearsal of {self.campaign}"
