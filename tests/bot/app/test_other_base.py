"""The installed command under another base model than that of the shipped personas' adapters."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.faults.command import COMMAND, ROOT, environment
from tests.faults.towns import TelegramTown

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"


def note(persona: str) -> str:
    return (
        f"{persona} speaks from its card on scripted, for its adapter was made for another base model and "
        f"waits (adapter/ for {SMOL}); `python -m training train --persona {persona}` trains one for "
        "scripted beside it."
    )


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings with the personas of the repository, their adapters among them, and a broken one."""
    personas = tmp_path / "personas"
    personas.mkdir()
    for name in ("mara", "ozzo"):
        (personas / name).symlink_to(ROOT / "personas" / name)
    (personas / "lost").mkdir()
    path = tmp_path / "config.toml"
    path.write_text('[chat]\npersona = "mara"\ndebounce = 0\n')
    return path


def chat(settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "--config", str(settings), "chat", "--say", "Rain?", *arguments],
        env=environment(settings.parent / "data"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_say_is_answered_and_standard_error_has_the_note_of_the_persona_that_was_asked_for(
    settings: Path,
) -> None:
    done = chat(settings, "--persona", "mara", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"persona": "mara", "text": "Answer 1."})
    assert [line for line in done.stderr.splitlines() if line.startswith("alterego: ")] == [
        f"alterego: {note('mara')}"
    ]


def test_without_a_name_broken_personas_are_told_too(settings: Path) -> None:
    done = chat(settings)
    missing = (
        f"{settings.parent}/personas/lost/card.json is missing: write a card there, or set the key `card`"
    )
    assert done.returncode == 0
    assert f"alterego: lost is left out: {missing}.\n" in done.stderr


async def test_the_log_of_the_host_has_the_note_of_each_persona_once(
    settings: Path, telegram: TelegramTown
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "--config", str(settings)),
        env=environment(settings.parent / "data", **telegram.environment),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    lines = list[str]()
    async with asyncio.timeout(60):
        while not any("model_ready" in line for line in lines):
            lines.append((await process.stderr.readline()).decode())
        while sum("adapter_notice" in line for line in lines) < 2:
            lines.append((await process.stderr.readline()).decode())
    process.terminate()
    lines += (await process.stderr.read()).decode().splitlines()
    await process.wait()
    told = [line.strip().partition("notice=")[2] for line in lines if "adapter_notice" in line]
    assert told == [json.dumps(note(name)) for name in ("mara", "ozzo")]
