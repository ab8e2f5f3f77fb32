"""Files of training as the page reads them: runs, their curves while they grow, and the report."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.untrusted import RefusedFile, read_json

RUNS, LOG, PLAN, RESULT, REPORT, REPORT_PAGE = (
    "runs",
    "log.jsonl",
    "plan.json",
    "run.json",
    "report.json",
    "report.html",
)
_RUN = re.compile(r"\d{1,8}", re.ASCII)
_JSON_BYTES, _REPORT_BYTES = 4 << 20, 64 << 20
_TAIL = 1 << 20  # bytes of a log that are read at once
_POINTS = {"learned": "training", "judged": "validation"}  # curves by the event of the log
_RESULT_KEYS = ("steps", "best_step", "best_loss", "seconds", "tokens", "learned", "halved", "adapter")
_PLAN_KEYS = ("steps", "answers", "held", "tokens", "seconds", "bytes", "device")


def list_runs(work: Path) -> list[dict[str, object]]:
    """Return all runs of a persona's work folder, the newest first."""
    folders = [path for path in (work / RUNS).glob("[0-9]*") if path.is_dir() and _RUN.fullmatch(path.name)]
    return [_described_run(folder) for folder in sorted(folders, reverse=True)]


def _described_run(folder: Path) -> dict[str, object]:
    result, plan = _read(folder, RESULT), _read(folder, PLAN)
    return {
        "run": folder.name,
        "finished": (folder / RESULT).exists(),
        "result": {key: result[key] for key in _RESULT_KEYS if _is_plain(result.get(key))},
        "plan": {key: plan[key] for key in _PLAN_KEYS if _is_plain(plan.get(key))},
    }


def read_curve(work: Path, run: str, since: int) -> dict[str, object] | None:
    """Return the losses that a run's log tells from a byte on, and the byte to go on from.

    A log that is shorter than before was rewound: it is read from its beginning, as `from` says. None where
    there is no such run.
    """
    path = work / RUNS / run / LOG
    if not _RUN.fullmatch(run) or not path.parent.is_dir():
        return None
    size = path.stat().st_size if path.is_file() else 0
    start = since if since <= size else 0
    content = b""
    if size > start:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(_TAIL)
    whole = content[: content.rfind(b"\n") + 1]
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in _POINTS.values()}
    for line in whole.splitlines():
        if point := _point(line):
            name, step, loss = point
            curves[name].append((step, loss))
    return {**curves, "from": start, "next": start + len(whole)}


def _point(line: bytes) -> tuple[str, float, float] | None:
    try:
        told = json.loads(line)
        return _POINTS[told["event"]], float(told["step"]), float(told["loss"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None  # another event


def read_report(folder: Path) -> dict[str, object] | None:
    """Return the main figures of a persona's newest evaluation; None where there is none."""
    home = report_home(folder)
    if home is None:
        return None
    try:
        report = read_json(home, REPORT, _REPORT_BYTES)
    except RefusedFile as refused:
        return {"fault": f"{refused.reason}: {refused.remedy}"}
    return {
        **{key: report[key] for key in ("model", "samples", "held", "learned") if _is_plain(report.get(key))},
        "rows": [_row(report, name) for name in _texts(_under(report, "style"))],
        "exceeded": [each for each in _list(report.get("exceeded")) if isinstance(each, str)],
        "private": sum(
            count for count in _under(report, "privacy", "real").values() if isinstance(count, int)
        ),
        "before": _value(_under(report, "forgetting", "base")),
        "after": _value(_under(report, "forgetting", "adapter")),
        "has_page": (home / REPORT_PAGE).is_file(),
    }


def report_home(folder: Path) -> Path | None:
    """Return the folder of a persona's report: work/, or its own for one that came along; else None."""
    return next((home for home in (folder / "work", folder) if (home / REPORT).is_file()), None)


def _row(report: Mapping[str, Any], name: str) -> dict[str, object]:
    """Return a set of answers as a row: each figure is None where the report has none."""
    style = _under(report, "style", name).get("distance")
    return {
        "name": name,
        "loss": _value(_under(report, "loss", "sets", name)),
        "likeness": _value(_under(report, "verification", "sets", name, "score")),
        "style": style if isinstance(style, int | float) else None,
        "copied": _value(_under(report, "copying", name, "learned")),
    }


def _under(value: Any, *path: str) -> dict[str, Any]:
    """Return the object at a path of keys; an empty one where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _value(estimate: Mapping[str, Any]) -> float | None:
    value = estimate.get("value")
    return value if isinstance(value, int | float) else None


def _texts(value: Mapping[str, Any]) -> list[str]:
    return [str(key) for key in value]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _read(folder: Path, name: str) -> dict[str, Any]:
    """Return a file of a run; an empty object where it is missing or damaged."""
    try:
        return read_json(folder, name, _JSON_BYTES)
    except RefusedFile:
        return {}
