"""Adapters, reports and curves are read from the files that training writes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.bot.platforms.web.owner.conftest import Owner
from tests.paths import ROOT


def add_run(owner: Owner, run: str = "0001", *lines: object) -> Path:
    folder = owner.mara / "work/runs" / run
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a") as log:
        log.writelines(json.dumps(line) + "\n" for line in lines)
    return folder


def learned(step: int, loss: float) -> dict[str, object]:
    return {"event": "learned", "step": step, "loss": loss, "rate": 0.1}


async def test_an_adapter_tells_the_facts_of_its_manifest(owner: Owner) -> None:
    shutil.copytree(ROOT / "personas/mara/adapter", owner.mara / "adapter")
    await owner.post("reload")
    shown = (await owner.get("personas/mara/adapters"))["adapters"]
    assert [(each["folder"], each["is_served"], each["fault"]) for each in shown] == [("adapter/", False, "")]
    facts = {"base_model": "HuggingFaceTB/SmolLM2-135M-Instruct", "rank": 8, "epochs": 3, "run": "0001"}
    assert shown[0]["facts"].items() >= facts.items()


async def test_a_manifest_that_cannot_be_read_is_told(owner: Owner) -> None:
    (owner.mara / "adapter").mkdir()
    (owner.mara / "adapter/manifest.json").write_text("{")
    await owner.post("reload")
    shown = (await owner.get("personas/mara/adapters"))["adapters"][0]
    assert (shown["facts"], "is not valid JSON" in shown["fault"]) == ({}, True)


async def test_a_report_is_the_table_of_the_command(owner: Owner) -> None:
    for name in ("report.json", "report.html"):
        shutil.copy(ROOT / "personas/mara" / name, owner.mara / name)
    report = (await owner.get("personas/mara/adapters"))["report"]
    rows = {row["name"]: row for row in report["rows"]}
    assert (rows["adapter"]["loss"], rows["base model"]["loss"]) == (3.4538, 4.0321)
    assert (rows["adapter"]["likeness"], rows["adapter"]["copied"]) == (0.8503, 0.0)
    assert (report["samples"], report["exceeded"], report["has_page"]) == (200, [], True)
    async with owner.client.get(f"{owner.root}/page/owner/personas/mara/report.html") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="report.html"'
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert await response.read() == (owner.mara / "report.html").read_bytes()


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"style": {"a": 1}, "loss": [], "privacy": {"real": {"x": "y"}}}']
)
async def test_a_strange_report_breaks_nothing(owner: Owner, text: str) -> None:
    (owner.mara / "report.json").write_text(text)
    assert (await owner.get("personas/mara/adapters"))["report"] is not None


async def test_a_curve_is_read_as_it_grows(owner: Owner) -> None:
    add_run(
        owner,
        "0001",
        learned(1, 9.0),
        {"event": "judged", "step": 1, "loss": 8.5},
        {"event": "saved", "step": 1},
    )
    first = await owner.get("personas/mara/runs/0001")
    assert (first["training"], first["validation"]) == ([[1.0, 9.0]], [[1.0, 8.5]])
    log = add_run(owner, "0001", learned(2, 8.0)) / "log.jsonl"
    with log.open("a") as file:
        file.write('{"event": "learned", "st')
    second = await owner.get("personas/mara/runs/0001", params={"since": first["next"]})
    assert (second["training"], second["validation"], second["from"]) == ([[2.0, 8.0]], [], first["next"])
    with log.open("a") as file:
        file.write('ep": 3, "loss": 7}\nnot json\n')
    third = await owner.get("personas/mara/runs/0001", params={"since": second["next"]})
    assert third["training"] == [[3.0, 7.0]]


async def test_a_log_that_was_rewound_is_read_from_its_beginning(owner: Owner) -> None:
    add_run(owner, "0001", learned(1, 9.0))
    curve = await owner.get("personas/mara/runs/0001", params={"since": 10_000})
    assert (curve["from"], curve["training"]) == (0, [[1.0, 9.0]])


async def test_runs_are_listed_with_plan_and_result(owner: Owner) -> None:
    add_run(owner, "0001")
    folder = add_run(owner, "0002")
    (folder / "plan.json").write_text('{"steps": 9, "seconds": 1.5, "parts": {}}')
    (folder / "run.json").write_text('{"steps": 8, "best_loss": 2.5, "record": {}}')
    runs = (await owner.get("personas/mara/adapters"))["runs"]
    assert runs == [
        {
            "run": "0002",
            "finished": True,
            "result": {"steps": 8, "best_loss": 2.5},
            "plan": {"steps": 9, "seconds": 1.5},
        },
        {"run": "0001", "finished": False, "result": {}, "plan": {}},
    ]


@pytest.mark.parametrize("run", ["0009", "..", "%2E%2E", "x", "0001%2F..%2F0001", "１"])
async def test_only_a_runs_own_number_is_read(owner: Owner, run: str) -> None:
    add_run(owner, "0001")
    assert (await owner.send("GET", f"personas/mara/runs/{run}"))[0] == 404


@pytest.mark.parametrize("since", ["x", "-1", "9" * 20, "²"])
async def test_a_byte_of_nowhere_is_refused(owner: Owner, since: str) -> None:
    add_run(owner, "0001")
    answer: Any = await owner.send("GET", "personas/mara/runs/0001", params={"since": since})
    assert answer[0] == 400
