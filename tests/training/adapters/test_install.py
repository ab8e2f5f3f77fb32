"""An adapter takes its place whole or not at all, and its manifest says what serving must match."""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.app.doctor import examine
from bot.engine.checkpoint.norm_fingerprint import norms_of
from bot.engine.checkpoint.source import fingerprint, locate
from bot.errors import UserError
from bot.persona.persona import load_persona
from bot.prompt.builder import open_prompt_format
from bot.prompt.contract import PromptContract, check_contract, prompt_contract
from tests.fakes import tiny
from tests.fixtures.training_messages import said
from training.adapters.install import install, place, settle
from training.commands.build import build_data
from training.dataset.workspace import Workspace, open_workspace
from training.store.lineage import Pseudonyms, read_adapter_authors
from training.store.messages import to_lines

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]

WEIGHTS = "adapter_model.safetensors"
SAID = [said(1, "Ana", "tea?", author="17"), said(2, "Mara", "always", author="1")]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two adapters, as training leaves them."""
    one, two = (tiny.save_adapter(tmp_path_factory.mktemp("run"), base, seed) for seed in (1, 2))
    return one, two


@pytest.fixture
def desk(base: Path, tmp_path: Path) -> Workspace:
    return desk_of(tmp_path, base)


def desk_of(root: Path, base: Path, model: str = "") -> Workspace:
    folder = root / "personas/mara"
    (folder / "work").mkdir(parents=True, exist_ok=True)
    (folder / "persona.toml").touch()
    (folder / "card.json").write_text(json.dumps({"name": "Mara", "description": "Keeps a light."}))
    told = f'[model]\nname = "{base}"\ntemplate = "chatml"\ncontext = 512\nprecision = "fp32"\n{model}'
    (root / "config.toml").write_text(told)
    return open_workspace(config.load_config(root / "config.toml", {}), folder)


def served(desk: Workspace) -> PromptContract:
    reader = open_prompt_format(desk.persona, desk.model.tokenizer, desk.settings.model, 0)
    return prompt_contract(desk.persona, reader, desk.settings.chat.system_prompt)


def digest(path: Path) -> str:
    return hashlib.sha256((path / WEIGHTS).read_bytes()).hexdigest()


def manifest(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((path / "manifest.json").read_text())
    return told


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("adapter*"))


def test_the_manifest_says_all_that_serving_must_match(desk: Workspace, trained: tuple[Path, Path]) -> None:
    (desk.work / "messages.jsonl").write_bytes(to_lines(SAID))
    data = build_data(desk, 256)
    home = install(desk, trained[0], {"rank": 4, "reason": "asked for"})
    source = locate(desk.settings.model)
    told = manifest(home)
    code = told.pop("code")
    assert len(code) == 64
    assert told == {
        "form": 1,
        "base_model": source.name,
        "base_hash": fingerprint(source),
        "base_norms": norms_of(source),
        "adapter_sha256": digest(trained[0]),
        "sampling": desk.persona.sampling.model_dump(),
        "run": {"rank": 4, "reason": "asked for"},
        "lineage": {"authors": sorted(data.authors)},
        "data": {"hashes": data.hashes, "window": 256, "examples": {"answer": 1}},
        "line_is_message": False,
        "template": desk.serving(256).reader.template.source,
        "layout": (
            "<|im_start|>system\n[0]<|im_end|>\n<|im_start|>user\n[1]<|im_end|>\n"
            "<|im_start|>assistant\n[2]<|im_end|>\n<|im_start|>user\n[3]<|im_end|>\n"
            "<|im_start|>system\n[4]<|im_end|>\n<|im_start|>assistant\n"
        ),
        "system": "Write the next reply of Mara in this chat. Stay in character.\n\nKeeps a light.",
        "speakers": [["user", "Ana: 1\nBo: 2\n[In reply to Ana: 1]\nAna: 3"]],
        "bursts": [["user", "Ana: 1\nAna: 2"], ["assistant", "3\n4"]],
        "stop_ids": [2, 4],
        "stop": [],
    }
    who = frozenset(data.authors)
    assert Pseudonyms(desk.work).of("test", "17") in who
    assert list(read_adapter_authors(desk.folder)) == [(home / "manifest.json", who)]


def test_what_was_there_before_is_kept_once(desk: Workspace, trained: tuple[Path, Path]) -> None:
    one, two = trained
    for adapter in (one, two, one):
        home = install(desk, adapter, {})
        assert load_persona(desk.folder).adapter == home
        assert digest(home) == digest(adapter)
    assert names(desk.folder) == ["adapter", "adapter.lock", "adapter.previous"]
    assert digest(desk.folder / "adapter.previous") == digest(two)
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


def test_words_of_the_adapter_before_stay_in_the_lineage(desk: Workspace, trained: tuple[Path, Path]) -> None:
    first = install(desk, trained[0], {}, inherited=["a" * 32])
    second = install(desk, first, {}, inherited=["b" * 32])
    assert manifest(second)["lineage"] == {"authors": ["a" * 32, "b" * 32]}


def no_config(path: Path) -> None:
    (path / "adapter_config.json").unlink()


def cut(path: Path) -> None:
    os.truncate(path / WEIGHTS, 3000)


def dora(path: Path) -> None:
    told = json.loads((path / "adapter_config.json").read_text())
    (path / "adapter_config.json").write_text(json.dumps(told | {"use_dora": True}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(no_config, "has no adapter_config.json"), (cut, "overlap, leave gaps"), (dora, "use_dora is not one")],
)
def test_what_the_bot_would_refuse_is_not_installed(
    desk: Workspace, trained: tuple[Path, Path], tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    home = install(desk, trained[0], {})
    bad = Path(shutil.copytree(trained[1], tmp_path / "bad"))
    spoil(bad)
    with pytest.raises(UserError, match=reason):
        install(desk, bad, {})
    assert names(desk.folder) == ["adapter", "adapter.lock"]
    assert digest(home) == digest(trained[0])


def test_an_adapter_in_another_place_is_not_passed_over(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "personas/mara"
    (folder / "tuned").mkdir(parents=True)
    (folder / "persona.toml").write_text('adapter = "tuned"')
    (folder / "card.json").write_text('{"name": "Mara"}')
    (tmp_path / "config.toml").write_text(f'[model]\nname = "{base}"\ntemplate = "chatml"\n')
    with pytest.raises(UserError, match=r"persona\.toml has the adapter in tuned: drop the key `adapter`"):
        place(open_workspace(config.load_config(tmp_path / "config.toml", {}), folder))


def test_where_nothing_can_be_put_in_place_all_is_as_before(
    desk: Workspace, trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = trained
    install(desk, one, {})
    install(desk, two, {})
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "adapter.new":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UserError, match="cannot be written: No space left on device; the adapter before is"):
        install(desk, one, {})
    assert names(desk.folder) == ["adapter", "adapter.lock", "adapter.previous"]
    assert digest(desk.folder / "adapter") == digest(two)
    assert digest(desk.folder / "adapter.previous") == digest(one)


_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "open"}


def killed_at(change: int, desk: Workspace, adapter: Path) -> bool:
    """Install in a process that is killed right before its so-maniest change of a file; whether it was."""
    process = os.fork()
    if process == 0:
        left = change

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if event not in _CHANGES or str(desk.folder) not in str(arguments[0]):
                return
            if event == "open" and not arguments[2] & os.O_CREAT:
                return
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            install(desk, adapter, {})
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_moment_a_whole_adapter_is_there(desk: Workspace, trained: tuple[Path, Path]) -> None:
    known = {digest(path) for path in trained}
    expected = served(desk)
    install(desk, trained[0], {})
    install(desk, trained[1], {})
    change, killed, on_the_way = 0, True, set[str]()
    while killed:
        new = trained[change % 2]
        killed = killed_at(change, desk, new)
        for _ in ("as the bot finds it", "as the next command leaves it"):
            persona = load_persona(desk.folder)
            assert persona.adapter is not None
            on_the_way.add(persona.adapter.name)
            assert manifest(persona.adapter)["adapter_sha256"] == digest(persona.adapter)
            assert digest(persona.adapter) in known
            check_contract(persona, expected)
            settle(desk.folder)
        assert set(names(desk.folder)) <= {"adapter", "adapter.lock", "adapter.previous"}
        change += 1
    assert change > 15
    assert on_the_way == {"adapter", "adapter.new"}
    assert digest(desk.folder / "adapter") == digest(new)


def test_the_last_adapter_is_found_where_only_the_previous_one_is_left(
    desk: Workspace, trained: tuple[Path, Path]
) -> None:
    install(desk, trained[0], {}).rename(desk.folder / "adapter.previous")
    assert load_persona(desk.folder).adapter == desk.folder / "adapter.previous"
    settle(desk.folder)
    assert load_persona(desk.folder).adapter == desk.folder / "adapter"


CHANGES: dict[str, tuple[str, str, str]] = {
    "card": ("personas/mara/card.json", '{"name": "Mara", "description": "Keeps a log."}', "another card"),
    "system": ("config.toml", '[chat]\nsystem_prompt = "Be brief."\n', "another card or system text"),
    "template": ("personas/mara/persona.toml", 'template = "plain"', "another chat template"),
    "name": ("personas/mara/card.json", '{"name": "Ana", "description": "Keeps a light."}', "another card"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_served_otherwise_than_trained_is_refused(
    desk: Workspace, base: Path, trained: tuple[Path, Path], tmp_path: Path, change: str
) -> None:
    install(desk, trained[0], {})
    path, text, reason = CHANGES[change]
    before = (tmp_path / path).read_text() if path == "config.toml" else ""
    (tmp_path / path).write_text(before + text)
    changed = open_workspace(config.load_config(tmp_path / "config.toml", {}), desk.folder)
    with pytest.raises(
        UserError, match=f'The adapter "mara" was not loaded: it was trained with {reason}.*;'
    ):
        check_contract(changed.persona, served(changed))


async def test_doctor_says_what_would_not_be_served(
    desk: Workspace, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    install(desk, trained[0], {})
    found = [each for each in await examine(tmp_path / "config.toml") if each.subject == "adapter"]
    assert [(each.right, each.text.partition(" of ")[0]) for each in found] == [
        (True, "mara: adapts 6 layers")
    ]
    (desk.folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    found = [each for each in await examine(tmp_path / "config.toml") if each.subject == "adapter"]
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
    desk: Workspace, trained: tuple[Path, Path], told: dict[str, Any], reason: str
) -> None:
    home = install(desk, trained[0], {})
    (home / "manifest.json").write_text(json.dumps(manifest(home) | told))
    with pytest.raises(UserError, match=f"it was trained with {reason}"):
        check_contract(load_persona(desk.folder), served(desk))


def test_what_differs_without_harm_is_served(desk: Workspace, trained: tuple[Path, Path]) -> None:
    home = install(desk, trained[0], {})
    (home / "manifest.json").write_text(json.dumps(manifest(home) | {"stop_ids": [2], "template": "older"}))
    check_contract(load_persona(desk.folder), served(desk))
    (home / "manifest.json").unlink()
    check_contract(load_persona(desk.folder), served(desk))
