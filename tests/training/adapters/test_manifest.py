"""The manifest of an installed adapter names all that serving must match."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.app.doctor import run_checks
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import locate_model, model_fingerprint
from bot.errors import UserError
from bot.persona.persona import load_persona
from bot.prompt.contract import check_contract
from tests.fixtures.adapter_workspace import digest, manifest, served
from tests.fixtures.training_messages import said
from training.adapters.install import install_adapter
from training.commands.build import build_data
from training.dataset.workspace import Workspace, open_workspace
from training.store.lineage import Pseudonyms, read_adapter_authors
from training.store.messages import to_lines

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


SAID = [said(1, "Ana", "tea?", author="17"), said(2, "Mara", "always", author="1")]


def test_it_says_all_that_serving_must_match(workspace: Workspace, trained: tuple[Path, Path]) -> None:
    (workspace.work / "messages.jsonl").write_bytes(to_lines(SAID))
    data = build_data(workspace, 256)
    home = install_adapter(workspace, trained[0], {"rank": 4, "reason": "asked for"})
    source = locate_model(workspace.settings.model)
    told = manifest(home)
    code = told.pop("code")
    assert len(code) == 64
    assert told == {
        "form": 1,
        "base_model": source.name,
        "base_hash": model_fingerprint(source),
        "base_norms": norm_fingerprint(source),
        "adapter_sha256": digest(trained[0]),
        "sampling": workspace.persona.sampling.model_dump(),
        "run": {"rank": 4, "reason": "asked for"},
        "lineage": {"authors": sorted(data.authors)},
        "data": {"hashes": data.hashes, "window": 256, "examples": {"answer": 1}},
        "line_is_message": False,
        "template": workspace.serving(256).reader.template.source,
        "layout": (
            "<|im_start|>system\n[0]<|im_end|>\n<|im_start|>user\n[1]<|im_end|>\n"
            "<|im_start|>assistant\n[2]<|im_end|>\n<|im_start|>user\n[3]<|im_end|>\n"
            "<|im_start|>system\n[4]<|im_end|>\n<|im_start|>assistant\n"
        ),
        "system": "Write the next reply of Mara in this chat. Stay in character.\n\nKeeps a light.",
        "speakers": [["user", "Ana: 1\nBo: 2\n[In reply to Ana: 1]\nAna: 3"]],
        "bursts": [["user", "Ana: 1\nAna: 2"], ["assistant", "3\n4"]],
        "names": "always",
        "stop_ids": [2, 4],
        "stop": [],
    }
    who = frozenset(data.authors)
    assert Pseudonyms(workspace.work).of("test", "17") in who
    assert list(read_adapter_authors(workspace.folder)) == [(home / "manifest.json", who)]


def test_authors_of_the_adapter_before_stay(workspace: Workspace, trained: tuple[Path, Path]) -> None:
    first = install_adapter(workspace, trained[0], {}, inherited=["a" * 32])
    second = install_adapter(workspace, first, {}, inherited=["b" * 32])
    assert manifest(second)["lineage"] == {"authors": ["a" * 32, "b" * 32]}


CHANGES: dict[str, tuple[str, str, str]] = {
    "card": ("personas/mara/card.json", '{"name": "Mara", "description": "Keeps a log."}', "another card"),
    "system": ("config.toml", '[chat]\nsystem_prompt = "Be brief."\n', "another card or system text"),
    "template": ("personas/mara/persona.toml", 'template = "plain"', "another chat template"),
    "name": ("personas/mara/card.json", '{"name": "Ana", "description": "Keeps a light."}', "another card"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_served_otherwise_than_trained_is_refused(
    workspace: Workspace, base: Path, trained: tuple[Path, Path], tmp_path: Path, change: str
) -> None:
    install_adapter(workspace, trained[0], {})
    path, text, reason = CHANGES[change]
    before = (tmp_path / path).read_text() if path == "config.toml" else ""
    (tmp_path / path).write_text(before + text)
    changed = open_workspace(config.load_config(tmp_path / "config.toml", {}), workspace.folder)
    with pytest.raises(
        UserError, match=f'The adapter "mara" was not loaded: it was trained with {reason}.*;'
    ):
        check_contract(changed.persona, served(changed))


async def test_doctor_says_what_would_not_be_served(
    workspace: Workspace, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    install_adapter(workspace, trained[0], {})
    found = [each for each in await run_checks(tmp_path / "config.toml") if each.subject == "adapter"]
    base = workspace.settings.model.name
    assert [str(each) for each in found] == [
        f"ok    adapter    mara: adapter/ fits {base}; speakers' names: always"
    ]
    (workspace.folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    found = [each for each in await run_checks(tmp_path / "config.toml") if each.subject == "adapter"]
    assert [each.right for each in found] == [False]
    assert "it was trained with another card or system text" in found[0].text


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"speakers": []}, "another way to tell speakers apart; use the version"),
        ({"bursts": [["user", "1"]]}, "another way to join messages"),
        ({"stop_ids": [2, 9]}, "other ids that end an answer"),
        ({"stop_ids": "2"}, "other ids that end an answer"),
        ({"stop": ["\n"]}, "another text that ends an answer"),
        ({"layout": 1}, "another chat template"),
    ],
)
def test_any_other_rule_is_refused(
    workspace: Workspace, trained: tuple[Path, Path], told: dict[str, Any], reason: str
) -> None:
    home = install_adapter(workspace, trained[0], {})
    (home / "manifest.json").write_text(json.dumps(manifest(home) | told))
    with pytest.raises(UserError, match=f"it was trained with {reason}"):
        check_contract(load_persona(workspace.folder), served(workspace))


def test_what_differs_without_harm_is_served(workspace: Workspace, trained: tuple[Path, Path]) -> None:
    home = install_adapter(workspace, trained[0], {})
    (home / "manifest.json").write_text(json.dumps(manifest(home) | {"stop_ids": [2], "template": "older"}))
    check_contract(load_persona(workspace.folder), served(workspace))
    (home / "manifest.json").unlink()
    check_contract(load_persona(workspace.folder), served(workspace))
