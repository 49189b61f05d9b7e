"""What a benchmark found, for people and for machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One figure. `ceiling` is in the same unit and of the same run, None where there is none.

    `is_met` is False for a promise that was broken; speeds promise nothing.
    """

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    is_met: bool = True

    @property
    def ratio(self) -> float | None:
        return self.value / self.ceiling if self.ceiling else None


def as_json(measurements: Sequence[Measurement]) -> str:
    """One object a line."""
    rows = (
        {
            "name": row.name,
            "value": round(row.value, 2),
            "unit": row.unit,
            "ceiling": None if row.ceiling is None else round(row.ceiling, 2),
            "ratio": None if row.ratio is None else round(row.ratio, 3),
        }
        for row in measurements
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_table(measurements: Sequence[Measurement]) -> str:
    """Aligned columns with a heading."""
    rows = [("benchmark", "value", "unit", "ceiling", "ratio")]
    for row in measurements:
        ceiling = "–" if row.ceiling is None else f"{row.ceiling:,.0f}"
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
        rows.append((row.name, f"{row.value:,.0f}", row.unit, ceiling, ratio if row.is_met else f"{ratio}  broken"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = (
        "  ".join(
            cell.ljust(width) if column in (0, 2) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines) + "\n"
