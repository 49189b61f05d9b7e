"""A field of weekdays and hours (or any two dimensions), the darker the more."""

from collections.abc import Sequence

from dashboards.charts.base import Figure, layout, meta, role


def heatmap_figure(
    columns: Sequence[str],
    rows: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    texts: Sequence[Sequence[str]],
    colour: str = "opened",
    urls: list[list[str]] | None = None,
    height: int = 300,
    marked: tuple[int, int] | None = None,
) -> Figure:
    """`values[row][column]`; `texts` are what is read on hover. `marked` (row, column) is framed: the best one."""
    trace = {
        "type": "heatmap",
        "x": list(columns),
        "y": list(rows),
        "z": [list(row) for row in values],
        "customdata": [list(row) for row in texts],
        "hovertemplate": "%{y} %{x}: %{customdata}<extra></extra>",
        "colorscale": [[0, role(f"{colour}_none")], [1, role(colour)]],
        "zmin": 0,
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "meta": meta(colour, urls),
    }
    shapes = [] if marked is None else [_frame(*marked)]
    return {
        "data": [trace],
        "layout": layout(
            height,
            xaxis={
                "type": "category",
                "fixedrange": True,
                "showgrid": False,
                "automargin": True,
                "tickangle": 0,
                "nticks": 9,
                "showline": False,
            },
            yaxis={
                "type": "category",
                "autorange": "reversed",
                "fixedrange": True,
                "showgrid": False,
                "automargin": True,
                "ticks": "",
                "ticklabelstandoff": 6,
                "showline": False,
            },
            shapes=shapes,
        ),
    }


def _frame(row: int, column: int) -> Figure:
    place = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", "line": {"color": role("text"), "width": 2}, "layer": "above", **place}
