"""The loss curve of a run as text for a terminal."""

from collections.abc import Iterable, Mapping, Sequence

from training.runs.loss_curve import Point, loss_points, smooth_points

COLUMNS, ROWS, _AXIS = 60, 8, 8
_LEARNED, _HELD = "·", "●"


def draw_loss_text(lines: Iterable[Mapping[str, object]]) -> str:
    """Draw the lines of log.jsonl: the moving mean of the losses of steps, and the validation loss.

    Returns "" where no step was logged.
    """
    lines = list(lines)
    learned, held = smooth_points(loss_points(lines, "learned")), loss_points(lines, "judged")
    if not learned:
        return ""
    losses = [loss for _, loss in (*learned, *held)]
    low, high, last = min(losses), max(losses), max(step for step, _ in learned)
    grid = [[" "] * COLUMNS for _ in range(ROWS)]
    for points, mark in ((learned, _LEARNED), (held, _HELD)):
        for step, loss in points:
            row = round((high - loss) / (high - low or 1.0) * (ROWS - 1))
            grid[row][round(step / last * (COLUMNS - 1))] = mark
    return "\n".join([*_labelled(grid, low, high), _steps(last, held)])


def _labelled(grid: Sequence[Sequence[str]], low: float, high: float) -> list[str]:
    """Return the rows, the first and the last with their loss."""
    labels = {0: f"{high:.2f}", len(grid) - 1: f"{low:.2f}"}
    return [
        f"{labels.get(row, ''):>{_AXIS - 2}} ┤{''.join(cells)}".rstrip() for row, cells in enumerate(grid)
    ]


def _steps(last: float, held: Sequence[Point]) -> str:
    legend = f"loss in nats: {_LEARNED} learned" + f", {_HELD} held out" * bool(held)
    return f"{'':>{_AXIS}}{legend}{f'{last:,.0f} steps':>{COLUMNS - len(legend)}}"
