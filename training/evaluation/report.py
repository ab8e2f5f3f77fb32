"""The report of an evaluation: as a value, as report.json, as text and as report.html, readable offline."""

import base64
import hashlib
from importlib import resources
from pathlib import Path

import jinja2
import msgspec

from bot.files import write_private
from training.evaluation import charts
from training.metrics.authorship import Verification
from training.metrics.blind_pairs import BlindPair
from training.metrics.bootstrap import Estimate
from training.metrics.canaries import Extracted
from training.metrics.likelihood import Losses
from training.metrics.memorization import Copies
from training.metrics.privacy import PrivacyFindings
from training.metrics.retention import Retention
from training.metrics.style import StyleProfile
from training.store.indented_json import encode_indented

JSON, HTML = "report.json", "report.html"
PERSON, SELF, BASE, SHOTS, ADAPTER, OTHER = (
    "the person",
    "late half",
    "base model",
    "base + examples",
    "adapter",
    "another person",
)
GENERATED = (BASE, SHOTS, ADAPTER)


class ReportExample(msgspec.Struct, frozen=True):
    """The answers of all sets to the same messages."""

    before: tuple[str, ...]
    answers: dict[str, str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """report.json. Sets of answers have the names above.

    `held` and `learned` count the held-out and the training answers, `samples` the answers drawn of each set.
    `other` names the other person, `shots` is the number of few-shot examples, `exceeded` has a sentence for
    each limit that the adapter is over. `verification` is None where there is too little text.
    """

    persona: str
    model: str
    adapter: str
    adapter_sha256: str
    strength: float
    data: dict[str, str]
    seed: int
    samples: int
    held: int
    learned: int
    shots: int
    other: str
    loss: Losses
    verification: Verification | None
    style: dict[str, StyleProfile]
    copying: dict[str, Copies]
    canaries: tuple[Extracted, ...]
    privacy: PrivacyFindings
    forgetting: Retention
    examples: tuple[ReportExample, ...]
    pairs: tuple[BlindPair, ...]
    exceeded: tuple[str, ...]


def write_report(work: Path, report: Report) -> Path:
    """Write report.json and then report.html; return the path of report.html."""
    write_private(work / JSON, [encode_indented(report)])
    write_private(work / HTML, [render_report(report).encode("utf-8", "replace")])
    return work / HTML


def render_report(report: Report) -> str:
    """Return the page. The page fetches nothing and runs its own script alone, by hash (CSP)."""
    style, script = (_read_resource(f"report.{kind}") for kind in ("css", "js"))
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["sha256"] = _sha256
    sets = report.verification.sets if report.verification else {}
    measures = tuple(report.style[PERSON].distances)
    return environment.from_string(_read_resource("report.html")).render(
        report=report,
        charts=charts,
        style=style,
        script=script,
        person=PERSON,
        adapter=ADAPTER,
        measures=measures,
        scores={name: each.score for name, each in sets.items()},
        curves={name: each.curve for name, each in sets.items() if each.curve},
        shapes={
            measure: {name: each.histograms[measure] for name, each in report.style.items()}
            for measure in measures
        },
    )


def _read_resource(name: str) -> str:
    return resources.files("training.evaluation").joinpath(name).read_text("utf-8").strip()


def _sha256(text: str) -> str:
    """Return a hash source of the Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def report_json(report: Report) -> str:
    """Return report.json without the answers, for programs that compare figures."""
    report_fields = msgspec.to_builtins(report)
    for wordy in ("examples", "pairs"):
        del report_fields[wordy]
    return msgspec.json.encode(report_fields).decode()


def report_text(report: Report) -> str:
    """Return the main figures as a table for a terminal."""
    lines = [f"{'':<18}{'loss':>8}{'likeness':>10}{'of the way':>12}{'style':>8}{'copied':>8}"]
    sets = report.verification.sets if report.verification else {}
    ways = report.verification.ways if report.verification else {}
    for name in (PERSON, SELF, OTHER, *GENERATED):
        manner, copied = report.style.get(name), report.copying.get(name)
        cells = (
            _cell(report.loss.sets.get(name), "{:.2f}", 8),
            _cell(sets[name].score if name in sets else None, "{:.2f}", 10),
            _cell(ways.get(name), "{:.0%}", 12),
            f"{manner.distance:>8.2f}" if manner else f"{'':>8}",
            _cell(copied.learned if copied else None, "{:.1%}", 8),
        )
        lines.append(f"{name:<18}{''.join(cells)}".rstrip())
    private, asked = report.privacy, report.forgetting
    lines.append(f"private details in {private.answers} answers: {sum(private.real.values())} of the export")
    lines.append(f"general questions: {asked.base.value:.0%} before, {asked.adapter.value:.0%} after")
    if report.canaries:
        said = sum(each.said for each in report.canaries)
        lines.append(f"canaries: {said} of {len(report.canaries)} planted lines are completed")
    return "\n".join(lines)


def _cell(found: Estimate | None, form: str, width: int) -> str:
    return f"{form.format(found.value) if found else '':>{width}}"
