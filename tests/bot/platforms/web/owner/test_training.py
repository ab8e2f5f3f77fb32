"""An export becomes an adapter by the commands of training, one process at a time."""

import asyncio
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.platforms.web.owner.training_job import job_environment
from bot.platforms.web.owner.training_page import TrainingPage
from bot.platforms.web.owner.training_steps import StepFields, is_installed, step_command
from tests.bot.platforms.web.owner.conftest import OpenOwner, Owner
from tests.fakes.tiny import save_model
from tests.fixtures.making import MODEL, write_export
from tests.paths import ROOT


@pytest.fixture
def export(tmp_path: Path) -> bytes:
    return write_export(tmp_path / "chat.txt").read_bytes()


def test_a_command_has_no_secret_of_the_server() -> None:
    secrets = {"DISCORD_TOKEN": "d", "TELEGRAM_TOKEN": "t", "ALTEREGO_API_KEY": "k"}
    given = {"PATH": "/bin", "HF_HOME": "/models", "PYTHONPATH": "/code", **secrets}
    assert job_environment(given) == {
        "PATH": "/bin",
        "HF_HOME": "/models",
        "PYTHONPATH": f"{ROOT}{os.pathsep}/code",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }


async def drop(owner: Owner, content: bytes, kind: str = ".txt") -> tuple[int, Any]:
    return await owner.upload(f"training/export?kind={kind}", content)


async def run(owner: Owner, step: str, **fields: object) -> tuple[int, str]:
    """Run a step to its end; return its exit code and all that it wrote."""
    await owner.post("training/start", step=step, **{"persona": "mara", **fields})
    return await ended(owner)


async def ended(owner: Owner) -> tuple[int, str]:
    text, since = "", 0
    async with asyncio.timeout(240):
        while True:
            told = await owner.get("training/output", params={"since": since})
            text, since = text + told["text"], told["next"]
            if told["job"]["code"] is not None and not told["text"]:
                return told["job"]["code"], text
            await asyncio.sleep(0.05)


async def test_an_import_is_the_command_and_says_it(owner: Owner, export: bytes) -> None:
    assert (await drop(owner, export))[0] == 200
    code, text = await run(owner, "import", me=["Mara"])
    assert code == 0, text
    assert "Next: python -m training build --persona mara" in text
    assert (owner.mara / "work/messages.jsonl").exists()
    home = owner.settings.data / "page/training"
    shown = (await owner.get("training"))["job"]["command"]
    start = f"python -m training --config {owner.settings.file} import"
    assert shown == f"{start} {home / 'export.txt'} --persona mara --me=Mara"
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


async def test_a_page_that_comes_back_finds_the_step_and_all_of_its_output(
    owner: Owner, export: bytes
) -> None:
    await drop(owner, export)
    _, text = await run(owner, "import", me=["Mara"])
    state = await owner.get("training")
    assert (state["job"]["step"], state["job"]["code"]) == ("import", 0)
    assert (await owner.get("training/output"))["text"] == text


async def test_what_is_no_export_is_told_by_the_command(owner: Owner) -> None:
    await drop(owner, b"\x00\x01 nothing that anybody knows", ".zip")
    code, text = await run(owner, "import")
    assert code == 2
    assert text.startswith("training: ")
    assert len(text.splitlines()) == 1


async def test_a_zip_bomb_is_told_by_the_command(owner: Owner) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("result.json", b"[" + b" " * (400 << 20) + b"]")
    await drop(owner, packed.getvalue(), ".zip")
    code, text = await run(owner, "import")
    assert (code, text.startswith("training: ")) == (2, True)


async def test_a_step_without_its_export_is_refused(owner: Owner) -> None:
    status, answer = await owner.send("POST", "training/start", {"step": "import", "persona": "mara"})
    assert (status, "drop one on the page" in answer["error"]["message"]) == (400, True)


@pytest.mark.parametrize("persona", ["--help", "../mara", "", "a\x00b"])
async def test_a_name_that_no_persona_has_never_reaches_a_command(
    owner: Owner, export: bytes, persona: str
) -> None:
    await drop(owner, export)
    status, _ = await owner.send("POST", "training/start", {"step": "import", "persona": persona})
    assert (status, (await owner.get("training"))["job"]) == (400, None)


@pytest.mark.parametrize("kind", ["../../x", ".exe", ".zip/../x", ".txt\n", ".tar.gz.sh"])
async def test_an_unknown_ending_is_refused(owner: Owner, kind: str) -> None:
    status, answer = await owner.send(
        "PUT",
        "training/export",
        b"x",
        headers={"Content-Type": "application/octet-stream"},
        params={"kind": kind},
    )
    assert (status, answer["error"]["param"]) == (400, "kind")
    assert not (owner.settings.data / "page").exists()


async def test_an_export_that_is_too_large_leaves_nothing(
    open_owner: OpenOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingPage.__init__, "__defaults__", (1_000, 0))
    owner = await open_owner()

    async def pieces() -> Any:
        for _ in range(3):
            yield bytes(500)

    headers = {"Origin": owner.root, "Content-Type": "application/octet-stream"}
    url = f"{owner.root}/page/owner/training/export"
    async with owner.client.put(url, data=pieces(), headers=headers) as response:
        assert response.status == 413
    assert (await owner.upload("training/export", bytes(1_001)))[0] == 413
    assert [*(owner.settings.data / "page/training").iterdir()] == []
    assert (await owner.get("training"))["export"] is None


async def test_a_disk_without_room_is_told(open_owner: OpenOwner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingPage.__init__, "__defaults__", (1_000, 1 << 60))
    owner = await open_owner()
    status, answer = await owner.upload("training/export", b"x")
    assert (status, answer["error"]["code"]) == (507, "disk_full")
    assert [*(owner.settings.data / "page/training").iterdir()] == []


async def test_an_export_takes_the_place_of_the_one_before_and_can_be_deleted(owner: Owner) -> None:
    await drop(owner, b"one", ".zip")
    await drop(owner, b"three", ".json")
    assert (await owner.get("training"))["export"].items() >= {"bytes": 5, "kind": ".json"}.items()
    status, state = await owner.send("DELETE", "training/export")
    assert (status, state["export"]) == (200, None)
    assert [*(owner.settings.data / "page/training").iterdir()] == []


async def test_one_step_runs_at_a_time_and_is_stopped(owner: Owner, export: bytes) -> None:
    await drop(owner, export)
    await owner.post("training/start", step="import", persona="mara", me=["Mara"])
    status, answer = await owner.send("POST", "training/start", {"step": "build", "persona": "mara"})
    assert (status, answer["error"]["code"]) == (409, "busy")
    assert (await drop(owner, b"other"))[0] == 409
    assert (await owner.post("training/stop"))["stopped"]
    code, _ = await ended(owner)
    assert code != 0
    assert not (await owner.post("training/stop"))["stopped"]


def test_without_the_libraries_there_is_one_sentence() -> None:
    assert not is_installed(lambda name: None if name == "peft" else object())
    assert is_installed()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("build", "build --persona mara"),
        ("preview", "preview --persona mara --count 5"),
        ("plan", "train --persona mara --plan"),
        ("train", "train --persona mara"),
        ("resume", "train --persona mara --resume"),
        ("evaluate", "evaluate --persona mara --samples 60"),
        ("make", "make /x/export.zip --persona mara --me='--config' --samples 60 --yes --no-talk"),
    ],
)
def test_each_step_is_a_command_that_can_be_typed(step: str, words: str) -> None:
    fields = StepFields.model_validate({"step": step, "persona": "mara", "me": ["--config"]})
    shown = step_command(fields, Path("/c.toml"), Path("/x/export.zip")).shown
    assert shown.replace("--me=--config", "--me='--config'") == f"python -m training --config /c.toml {words}"


@pytest.mark.slow
async def test_a_persona_learns_step_by_step(open_owner: OpenOwner, export: bytes, tmp_path: Path) -> None:
    text = f'[model]\nname = "{save_model(tmp_path / "base")}"\n{MODEL}'
    owner = await open_owner(text=text)
    await drop(owner, export)
    for step in ("import", "build", "preview", "plan", "train", "evaluate"):
        code, told = await run(owner, step, me=["Mara"], samples=10)
        assert code == 0 or (step, code) == ("evaluate", 1), told
    shown = await owner.get("personas/mara/adapters")
    assert [each["folder"] for each in shown["adapters"]] == ["adapter/"]
    assert shown["runs"][0]["finished"]
    curve = await owner.get("personas/mara/runs/0001")
    log = (owner.mara / "work/runs/0001/log.jsonl").read_text().splitlines()
    steps = [line["step"] for line in map(json.loads, log) if line["event"] == "learned"]
    assert [step for step, _ in curve["training"]] == steps
    assert shown["report"]["samples"] == 10
