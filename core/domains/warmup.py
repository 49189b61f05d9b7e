"""Warm-up ramps: how much a new domain or connection may send a day until receivers know it.

A step of the ramp is a day on which at least half of its volume was used: a pause skips nothing, it only waits.
"""

import math
from dataclasses import dataclass

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

LONGEST_RAMP = 120
"""Days. Receivers judge by weeks; a slower ramp is a mistake in its growth."""


class WarmUp(models.Model):
    """The ramp of what inherits it. Without `warmup_started_on` there is none."""

    warmup_started_on = models.DateField("warm-up began", null=True, blank=True, editable=False)
    warmup_start = models.PositiveIntegerField(
        "mails on the first day", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    warmup_growth = models.PositiveSmallIntegerField(
        "more each day, %", default=50, validators=[MinValueValidator(5), MaxValueValidator(200)]
    )
    warmup_target = models.PositiveIntegerField(
        "done at mails a day", null=True, blank=True, validators=[MinValueValidator(1)]
    )

    class Meta:
        abstract = True

    @property
    def ramp(self) -> "Ramp | None":
        """The ramp, None where the fields name none."""
        if self.warmup_started_on is None or not self.warmup_start or not self.warmup_target:
            return None
        return Ramp(self.warmup_start, self.warmup_growth, self.warmup_target)


@dataclass(frozen=True, slots=True)
class Ramp:
    """`start` mails on the first day, `growth` per cent more on each that follows, over when `target` is reached."""

    start: int
    growth: int
    target: int

    def allowed(self, step: int) -> int | None:
        """Mails on this step (0 is the first day); None once the ramp is over."""
        if step >= LONGEST_RAMP:
            return None
        volume = math.floor(self.start * (1 + self.growth / 100) ** step + 1e-6)
        return volume if volume < self.target else None

    def volumes(self) -> list[int]:
        """The volumes of all its days."""
        volumes = (self.allowed(step) for step in range(LONGEST_RAMP))
        return [volume for volume in volumes if volume is not None]
