"""The adapter for the running base model is taken, those for others wait, and a damaged one is refused."""

from pathlib import Path

import pytest

from bot.adapter.choice import AdapterChoice, WaitingAdapter, choose_adapter
from tests.fakes.model import ScriptedBase
from tests.fixtures.pinned_adapters import OTHER, OWN, pin

BASE = ScriptedBase(norms="9" * 64)


def choose(*folders: Path) -> AdapterChoice:
    return choose_adapter("mara", folders, BASE)


@pytest.mark.parametrize(
    "manifest",
    [
        OWN,
        {"base_hash": OWN["base_hash"]},
        {"base_model": "Scripted/"},
        {**OWN, "base_hash": "1" * 64, "base_norms": BASE.norms},
        {},
    ],
    ids=["the same", "by its hash", "by its name", "a copy", "unpinned"],
)
def test_one_that_fits_is_taken(tmp_path: Path, manifest: dict[str, str]) -> None:
    adapter = pin(tmp_path / "adapter", **manifest)
    assert choose(adapter) == AdapterChoice("scripted", adapter)


@pytest.mark.parametrize(
    ("manifest", "base"),
    [
        (OTHER, "some/other-7B"),
        ({"base_model": "some/other-7B"}, "some/other-7B"),
        ({"base_hash": "7" * 64}, "(not named)"),
        ({**OWN, "base_hash": "1" * 64}, "scripted with other weights"),
        ({**OTHER, "base_model": "a\nb\x1b[1m"}, "a b 1m"),
        ({**OTHER, "stop_ids": "x", "adapter_sha256": 3}, "some/other-7B"),
    ],
)
def test_one_for_another_base_model_waits_whatever_else_differs(
    tmp_path: Path, manifest: dict[str, object], base: str
) -> None:
    adapter = pin(tmp_path / "adapter", **manifest)
    assert choose(adapter) == AdapterChoice("scripted", None, (WaitingAdapter(adapter, base),))


def test_the_surest_one_is_taken_whatever_its_folder_is_called(tmp_path: Path) -> None:
    unpinned, other = pin(tmp_path / "adapter"), pin(tmp_path / "adapters/scripted", **OTHER)
    own = pin(tmp_path / "adapters/other-7B-77777777", **OWN)
    waits = (WaitingAdapter(other, "some/other-7B"),)
    assert choose(unpinned, other, own) == AdapterChoice("scripted", own, waits)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (
            b"{",
            "manifest.json is not valid JSON (line 1, column 2: a key in double quotes is missing); "
            "export it again",
        ),
        (
            b'{"base_model": 3}',
            "its manifest does not say which base model it is for; copy or train it again",
        ),
    ],
)
def test_a_damaged_manifest_is_refused_unless_another_adapter_fits(
    tmp_path: Path, manifest: bytes, reason: str
) -> None:
    damaged, own = pin(tmp_path / "adapter"), pin(tmp_path / "adapters/own", **OWN)
    (damaged / "manifest.json").write_bytes(manifest)
    other = pin(tmp_path / "adapters/other", **OTHER)
    refused = choose(damaged, other)
    assert refused.refusal == f'The adapter "mara" was not loaded: {reason}.'
    assert (refused.adapter, refused.waiting_note("mara")) == (None, "")
    assert choose(damaged, own) == AdapterChoice("scripted", own)


def test_the_note_names_persona_models_folders_and_the_command(tmp_path: Path) -> None:
    waiting = choose(pin(tmp_path / "adapter", **OTHER), pin(tmp_path / "adapters/x", base_model="a/b"))
    assert waiting.waiting_note("mara") == (
        "mara speaks from its card on scripted, for its adapter was made for another base model and waits "
        "(adapter/ for some/other-7B, adapters/x/ for a/b); `python -m training train --persona mara` trains "
        "one for scripted beside it"
    )
    assert choose().waiting_note("mara") == ""
    assert choose(pin(tmp_path / "adapters/y", **OWN), tmp_path / "adapter").waiting_note("mara") == ""
