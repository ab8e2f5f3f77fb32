"""Charts as SVG, each with a title and with numbers that are readable without colours."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from training.metrics.authorship import RocCurve
from training.metrics.bootstrap import Estimate

WIDTH, ROW, LABEL = 640, 26, 190
COLOURS = ("#1b6ca8", "#c0562a", "#3a8a4d", "#7b4fa3", "#8a6d1f", "#555555")
_PLOT, _EDGE = 300, 34


def bars(title: str, values: Mapping[str, Estimate], top: float | None = None) -> Markup:
    """Return a bar for each estimate, with its interval, from 0 to `top`."""
    most = top or max([each.high for each in values.values()] + [1e-9]) * 1.05
    scale = (WIDTH - LABEL - 150) / most
    rows = [_bar(place, name, each, scale) for place, (name, each) in enumerate(values.items())]
    return _figure(title, WIDTH, ROW * len(values) + 6, rows)


def _bar(place: int, name: str, each: Estimate, scale: float) -> Markup:
    at = place * ROW + 6
    middle, end = at + 9, LABEL + scale * max(0.0, each.value)
    low, high = (LABEL + scale * max(0.0, edge) for edge in (each.low, each.high))
    return Markup(
        '<text x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect x="{}" y="{}" width="{:.1f}" height="18" fill="{}" opacity="0.75"/>'
        '<path d="M{:.1f} {}H{:.1f}M{:.1f} {}v8M{:.1f} {}v8" stroke="currentColor" fill="none"/>'
        '<text x="{:.1f}" y="{}">{}</text>'
    ).format(
        *(LABEL - 8, at + 14, name),
        *(LABEL, at, max(0.0, end - LABEL), COLOURS[place % len(COLOURS)]),
        *(low, middle, high, low, middle - 4, high, middle - 4),
        *(max(end, high) + 8, at + 14, str(each)),
    )


def curves(title: str, found: Mapping[str, RocCurve]) -> Markup:
    """Return ROC curves; on the diagonal, two sets cannot be told apart."""
    size = _PLOT + 2 * _EDGE
    frame = Markup(
        '<rect x="{0}" y="{0}" width="{1}" height="{1}" fill="none" stroke="currentColor" opacity="0.4"/>'
        '<path d="M{0} {2}L{2} {0}" stroke="currentColor" opacity="0.4" stroke-dasharray="4 4"/>'
        '<text x="{3}" y="{4}" text-anchor="middle">taken for the person, wrongly</text>'
        '<text transform="translate(14 {3}) rotate(-90)" text-anchor="middle">'
        "taken for the person, rightly</text>"
    ).format(_EDGE, _PLOT, _EDGE + _PLOT, _EDGE + _PLOT // 2, size - 8)
    lines = [_curve(place, name, curve) for place, (name, curve) in enumerate(found.items())]
    return _figure(title, size + 220, size, [frame, *lines])


def _curve(place: int, name: str, curve: RocCurve) -> Markup:
    points = " ".join(
        f"{_EDGE + _PLOT * false:.1f},{_EDGE + _PLOT * (1 - true):.1f}"
        for false, true in zip(curve.false, curve.true, strict=True)
    )
    colour, at = COLOURS[place % len(COLOURS)], _EDGE + 20 * place + 10
    left = _PLOT + 2 * _EDGE
    dash = f"{9 - place} {place}" if place else "none"
    return Markup(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>'
        '<path d="M{} {}h24" stroke="{}" stroke-width="3" stroke-dasharray="{}"/>'
        '<text x="{}" y="{}">{}</text>'
    ).format(points, colour, dash, left, at - 4, colour, dash, left + 30, at, name)


def histograms(title: str, found: Mapping[str, Mapping[str, float]]) -> Markup:
    """Return the same histogram of several sets, one above the other on the same scale."""
    keys = [key for key in next(iter(found.values())) if any(each[key] for each in found.values())]
    most = max([each[key] for each in found.values() for key in keys] + [1e-9])
    step = (WIDTH - LABEL) / max(1, len(keys))
    rows = [
        _shape(place, name, [each[key] for key in keys], most, step)
        for place, (name, each) in enumerate(found.items())
    ]
    bottom = len(found) * 2 * ROW + 14
    labels = [
        Markup('<text x="{:.1f}" y="{}" text-anchor="middle" font-size="11">{}</text>').format(
            LABEL + step * (number + 0.5), bottom, key
        )
        for number, key in enumerate(keys)
    ]
    return _figure(title, WIDTH, bottom + 8, [*rows, *labels])


def _shape(place: int, name: str, shares: Sequence[float], most: float, step: float) -> Markup:
    floor = (place + 1) * 2 * ROW - 2
    blocks = [
        Markup(
            '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}">'
            "<title>{:.1%}</title></rect>"
        ).format(
            LABEL + step * number + 1,
            floor - (2 * ROW - 10) * share / most,
            step - 2,
            (2 * ROW - 10) * share / most,
            COLOURS[place % len(COLOURS)],
            share,
        )
        for number, share in enumerate(shares)
    ]
    label = Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LABEL - 8, floor - 4, name)
    return Markup("").join([label, *blocks])


def _figure(title: str, width: int, height: int, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" width="{}" role="img" aria-label="{}">{}</svg>').format(
        width, height, width, title, Markup("").join(parts)
    )
