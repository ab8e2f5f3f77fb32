"""The loss curve of a run as an SVG, drawn without a library."""

from collections.abc import Iterable, Mapping, Sequence

Point = tuple[float, float]

WIDTH, HEIGHT, LEFT, BELOW, ABOVE, RIGHT = 720, 360, 56, 40, 24, 16
_SMOOTH = 0.9  # decay of the moving mean, a step
_TICKS = 5


def draw_loss_curve(lines: Iterable[Mapping[str, object]]) -> str:
    """Draw the lines of log.jsonl: the loss of each step, its moving mean, and the validation loss."""
    lines = list(lines)
    training, validation = loss_points(lines, "learned"), loss_points(lines, "judged")
    plot = _Plot(training + validation or [(0.0, 0.0), (1.0, 1.0)])
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *plot.axes(),
            plot.line(training, "#b8c4d6", 1),
            plot.line(smooth_points(training), "#2b5c9e", 2),
            plot.line(validation, "#c2571a", 2),
            *map(plot.dot, validation),
            f'<text x="{LEFT + 8}" y="16" fill="#2b5c9e">learned</text>',
            f'<text x="{LEFT + 72}" y="16" fill="#c2571a">held out</text>',
            "</svg>\n",
        ]
    )


class _Plot:
    """The scale of a plot: x in steps, y in nats."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._last = max(1.0, *(step for step, _ in points))
        losses = [loss for _, loss in points]
        self._low, self._high = min(losses), max(losses)
        if self._low == self._high:
            self._high += 1.0

    def position(self, point: Point) -> Point:
        step, loss = point
        x = LEFT + step / self._last * (WIDTH - LEFT - RIGHT)
        y = ABOVE + (self._high - loss) / (self._high - self._low) * (HEIGHT - ABOVE - BELOW)
        return x, y

    def line(self, points: Sequence[Point], colour: str, width: int) -> str:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.position, points))
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    def dot(self, point: Point) -> str:
        x, y = self.position(point)
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#c2571a"/>'

    def axes(self) -> list[str]:
        drawn = []
        for part in range(_TICKS):
            loss = self._low + (self._high - self._low) * part / (_TICKS - 1)
            step = self._last * part / (_TICKS - 1)
            x, y = self.position((step, loss))
            drawn += [
                f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>',
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{loss:.2f}</text>',
                f'<text x="{x:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{step:,.0f}</text>',
            ]
        place = f'x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle"'
        return [*drawn, f"<text {place}>steps; loss in nats</text>"]


def loss_points(lines: Iterable[Mapping[str, object]], event: str) -> list[Point]:
    """Return step and loss of the log's lines of an event: "learned" (training) or "judged" (validation)."""
    return [(float(str(line["step"])), float(str(line["loss"]))) for line in lines if line["event"] == event]


def smooth_points(points: Sequence[Point]) -> list[Point]:
    """Return the exponential moving mean of the losses, corrected for its start."""
    made, mean, weight = [], 0.0, 0.0
    for step, loss in points:
        mean, weight = _SMOOTH * mean + loss, _SMOOTH * weight + 1
        made.append((step, mean / weight))
    return made
