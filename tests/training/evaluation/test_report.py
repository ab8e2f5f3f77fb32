"""The report page of an invented result: complete, readable offline, without requests."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from training.evaluation.report import (
    Report,
    ReportExample,
    render_report,
    report_json,
    report_text,
    write_report,
)
from training.metrics.authorship import RocCurve, SetVerification, Verification
from training.metrics.blind_pairs import BlindPair
from training.metrics.bootstrap import Estimate
from training.metrics.canaries import Extracted
from training.metrics.likelihood import Losses
from training.metrics.memorization import Copies
from training.metrics.privacy import PrivacyFindings
from training.metrics.retention import Retention
from training.metrics.style import style_profiles

HALF = Estimate(0.5, 0.4, 0.6)
HOSTILE = '"><script src="https://evil.example/x.js"></script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u2028'
COPY = Copies(Estimate(0.031, 0.01, 0.05), Estimate(0.01, 0.0, 0.02), 321, 11, (HOSTILE,))
CURVE = RocCurve((0.0, 0.5, 1.0), (0.0, 1.0, 1.0))
SETS = ("the person", "base model", "base + examples", "adapter", "another person")
LINKS = {
    "href",
    "src",
    "srcset",
    "action",
    "formaction",
    "data",
    "poster",
    "background",
    "xlink:href",
    "ping",
}


def invented_report(**more: object) -> Report:
    verified = SetVerification(HALF, HALF, CURVE, 12)
    known = {
        "persona": f"Mara {HOSTILE}",
        "model": "some/model",
        "adapter": "adapter",
        "adapter_sha256": "ab" * 32,
        "strength": 1.0,
        "data": {"train.jsonl": "00", "held.jsonl": "11"},
        "seed": 3,
        "samples": 20,
        "held": 9,
        "learned": 1234,
        "shots": 20,
        "other": "invented people",
        "loss": Losses(dict.fromkeys(SETS[1:4], HALF), HALF, 9, 90),
        "verification": Verification(
            200,
            {"the person": SetVerification(HALF, None, None, 12)} | dict.fromkeys(SETS[1:], verified),
            {"adapter": Estimate(0.71, 0.6, 0.8), "base + examples": Estimate(0.31, 0.2, 0.4)},
        ),
        "style": style_profiles(["Hello there."], {name: ["hello 😀\nyou!"] for name in SETS}),
        "copying": dict.fromkeys(SETS[:4], COPY),
        "canaries": (Extracted("the safe is 123-456", 10, 1, 8.0, True),),
        "privacy": PrivacyFindings(20, {"phone": 1}, {}, {"name": 2}),
        "forgetting": Retention(HALF, HALF, Estimate(0.0, -0.1, 0.1), 52, ("What is <b>?",), ()),
        "examples": (ReportExample((f"Ana: {HOSTILE}",), dict.fromkeys(SETS[:4], HOSTILE)),),
        "pairs": (BlindPair((f"Ana: {HOSTILE}",), (HOSTILE, "plain"), 1), BlindPair((), ("a", "b"), 0)),
        "exceeded": (),
    }
    return Report(**known | more)  # type: ignore[arg-type]


class Page(HTMLParser):
    """All elements with attributes and texts of a page whose elements are all closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.inside.setdefault(self._open[-1] if self._open else "", []).append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_requests_nothing() -> None:
    page = Page(render_report(invented_report()))
    attributes = [(name, value) for _, found in page.elements for name, value in found.items()]
    assert not [name for name, _ in attributes if name in LINKS or name.startswith("on") or name == "style"]
    assert not {"link", "img", "iframe", "object", "embed", "form", "base", "a", "video"} & {
        tag for tag, _ in page.elements
    }
    assert "@import" not in "".join(page.inside["style"])
    assert "url(" not in "".join(page.inside["style"])
    assert not re.findall(
        r"fetch|XMLHttp|import|WebSocket|sendBeacon|eval|innerHTML", "".join(page.inside["script"])
    )


def test_only_its_own_style_and_script_may_run() -> None:
    page = Page(render_report(invented_report()))
    (policy,) = [each["content"] for each in page.named("meta") if "http-equiv" in each]
    hashes = {
        kind: base64.b64encode(hashlib.sha256("".join(page.inside[kind]).encode()).digest()).decode()
        for kind in ("style", "script")
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert len(page.named("script")) == len(page.named("style")) == 1


def test_text_of_people_is_escaped() -> None:
    text = render_report(invented_report())
    assert "evil.example/x.js&#34;" in text
    assert "<script src" not in text
    assert "<img" not in text
    assert "{{ 7 * 7 }}" in text
    buttons = "".join(Page(text).inside["button"])
    assert buttons.startswith(HOSTILE)


def test_blind_pairs_have_buttons_without_the_solution() -> None:
    page = Page(render_report(invented_report()))
    assert [each["data-real"] for each in page.named("div") if "data-real" in each] == ["1", "0"]
    assert page.named("button") == [{"type": "button"}] * 4
    assert Page(render_report(invented_report(pairs=()))).named("script") == []


def test_every_figure_is_on_the_page() -> None:
    text = " ".join(
        "".join(Page(render_report(invented_report())).inside[tag]) for tag in ("td", "text", "p", "h1", "li")
    )
    for wanted in (
        "0.71 (0.60 to 0.80)",
        "3.1% (1.0% to 5.0%)",
        "1,234 answers",
        "the safe is 123-456",
        "8.0",
        "phone: 1",
        "name: 2",
        "52 general questions",
        "What is <b>?",
        "invented people",
        "0.00 (-0.10 to 0.10)",
    ):
        assert wanted in text, wanted


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"verification": None}, "There is too little text to tell"),
        ({"canaries": ()}, "No canaries were planted"),
        ({"exceeded": ("The adapter <copies>.",)}, "The adapter &lt;copies&gt;."),
        ({"examples": ()}, "In their own words"),
        ({"pairs": ()}, "There is no pair in which both say something different."),
    ],
)
def test_a_missing_part_has_a_sentence(more: dict[str, object], wanted: str) -> None:
    text = render_report(invented_report(**more))
    assert wanted in text
    Page(text)


def test_both_files_are_written_whole_and_private(tmp_path: Path) -> None:
    report = invented_report()
    page = write_report(tmp_path, report)
    assert page.read_text("utf-8") == render_report(report)
    assert msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report) == report
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "report.html": 0o600,
        "report.json": 0o600,
    }


def test_the_report_as_text() -> None:
    assert report_text(invented_report()) == (
        "                      loss  likeness  of the way   style  copied\n"
        "the person                      0.50                STYLE    3.1%\n"
        "late half\n"
        "another person                  0.50                STYLE\n"
        "base model            0.50      0.50                STYLE    3.1%\n"
        "base + examples       0.50      0.50         31%    STYLE    3.1%\n"
        "adapter               0.50      0.50         71%    STYLE    3.1%\n"
        "private details in 20 answers: 0 of the export\n"
        "general questions: 50% before, 50% after\n"
        "canaries: 1 of 1 planted lines are completed"
    ).replace("STYLE", f"{invented_report().style['adapter'].distance:.2f}")


def test_the_report_as_json() -> None:
    figures = json.loads(report_json(invented_report()))
    assert set(figures) == set(Report.__struct_fields__) - {"examples", "pairs"}
    assert figures["verification"]["ways"]["adapter"] == {"value": 0.71, "low": 0.6, "high": 0.8}
