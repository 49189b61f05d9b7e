"""Opens and clicks that wait outside Redis, and those that could not be kept."""

from django.db import models

from core.common.models import UUIDModel
from core.tracking.choices import LossReason


class HeldHit(models.Model):
    """An open or a click that Redis could not take, until it is read. `hit` is what the stream would have held."""

    id = models.BigAutoField(primary_key=True)
    hit = models.BinaryField()

    class Meta:
        verbose_name = "held hit"

    def __str__(self) -> str:
        return str(self.pk)


class LostHits(UUIDModel):
    """Opens and clicks that were answered but could not be kept. Nobody knows whose they were."""

    reason = models.CharField("why", max_length=10, choices=LossReason)
    count = models.PositiveIntegerField("how many")
    noted_at = models.DateTimeField("noted", auto_now_add=True)

    class Meta:
        verbose_name = "loss of opens and clicks"
        verbose_name_plural = "lost opens and clicks"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.count:,} · {self.get_reason_display()}"
