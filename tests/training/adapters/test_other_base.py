"""A persona keeps an adapter for each base model: a new one lies beside those for others, never over them."""

import json
from argparse import Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.adapter.base_match import tidy_name
from bot.app.doctor import run_checks
from bot.app.persona_commands import persona_list, persona_show
from bot.engine.model_loader.adapter_check import AdapterCheck, open_adapter_check
from bot.errors import UserError
from bot.persona.persona import load_persona
from tests.fakes import families, tiny
from tests.fixtures.adapter_workspace import digest, make_workspace, manifest
from tests.fixtures.exported_adapters import lora
from tests.fixtures.foreign_adapters import edit
from tests.fixtures.kill_points import killed_at
from training.__main__ import main
from training.adapters.export import export_adapter
from training.adapters.install import install_adapter, recover_install
from training.commands.forget import forget
from training.dataset.workspace import Workspace
from training.runs.canary_guard import learned_canaries
from training.store.lineage import Pseudonyms

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Path, Path]]:
    """A model of another family, and two adapters of it."""
    root = tmp_path_factory.mktemp("qwen")
    base = families.save("qwen2", root / "qwen-0.1B")
    one, two = lora(base, root / "one"), lora(base, root / "two", r=8)
    return base, (one, two)


@pytest.fixture
def other(workspace: Workspace, qwen: tuple[Path, tuple[Path, Path]], tmp_path: Path) -> Workspace:
    """The workspace of the same persona under the other base model."""
    return make_workspace(tmp_path, qwen[0])


def check(workspace: Workspace) -> AdapterCheck:
    return open_adapter_check(workspace.settings.model, workspace.settings.data)


def chosen(workspace: Workspace) -> Path | None:
    return check(workspace).choose(load_persona(workspace.folder)).adapter


def inside(workspace: Workspace) -> list[str]:
    paths = (*workspace.folder.glob("adapter*"), *workspace.folder.glob("adapters/*"))
    return sorted(path.relative_to(workspace.folder).as_posix() for path in paths)


def test_each_base_model_takes_its_own_and_replaces_only_that(
    workspace: Workspace,
    other: Workspace,
    trained: tuple[Path, Path],
    qwen: tuple[Path, tuple[Path, Path]],
) -> None:
    base, (one, two) = qwen
    first = install_adapter(workspace, trained[0], {})
    beside = install_adapter(other, one, {})
    name = f"qwen-0.1B-{check(other).base.fingerprint[:8]}"
    assert beside == workspace.folder / "adapters" / name
    assert (chosen(workspace), chosen(other)) == (first, beside)
    assert manifest(beside)["base_model"] == str(base)
    assert install_adapter(other, two, {}) == beside
    assert install_adapter(workspace, trained[1], {}) == first
    assert inside(workspace) == [
        "adapter",
        "adapter.lock",
        "adapter.previous",
        "adapters",
        f"adapters/{name}",
        f"adapters/{name}.previous",
    ]
    assert {digest(first), digest(first.with_name("adapter.previous"))} == {digest(each) for each in trained}
    assert (digest(beside), digest(beside.with_name(f"{name}.previous"))) == (digest(two), digest(one))


def test_a_folder_is_taken_by_its_manifest_whatever_it_is_called(
    workspace: Workspace, other: Workspace, qwen: tuple[Path, tuple[Path, Path]], trained: tuple[Path, Path]
) -> None:
    install_adapter(workspace, trained[0], {})
    moved = install_adapter(other, qwen[1][0], {}).rename(workspace.folder / "adapters/mine")
    assert chosen(other) == moved
    assert install_adapter(other, qwen[1][1], {}) == moved


def test_killed_at_any_moment_one_of_that_base_model_is_whole(
    workspace: Workspace, other: Workspace, trained: tuple[Path, Path], qwen: tuple[Path, tuple[Path, Path]]
) -> None:
    first = install_adapter(workspace, trained[0], {})
    home = install_adapter(other, qwen[1][0], {})
    known = {digest(each) for each in qwen[1]}
    change, killed = 0, True
    while killed:
        new = qwen[1][(change + 1) % 2]
        killed = killed_at(change, workspace.folder, partial(install_adapter, other, new, {}))
        served = chosen(other)
        assert served is not None
        assert digest(served) in known
        recover_install(workspace.folder)
        assert chosen(other) == home
        assert digest(first) == digest(trained[0])
        change += 5
    assert change > 10


def test_an_adapter_without_a_manifest_waits_where_its_layers_are_another_models(
    workspace: Workspace, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    narrow = tiny.save_model(tmp_path / "narrow", hidden_size=32)
    adapter = tiny.save_adapter(workspace.folder / "adapter", narrow)
    choice = check(workspace).choose(load_persona(workspace.folder))
    assert (choice.adapter, [waiting.base for waiting in choice.waiting]) == (None, [tidy_name(str(narrow))])
    assert chosen(make_workspace(tmp_path, narrow)) == adapter
    assert install_adapter(workspace, trained[0], {}).parent.name == "adapters"
    assert digest(adapter) != digest(trained[0])


@pytest.mark.parametrize(("key", "value"), [("base_model_name_or_path", None), ("use_dora", True)])
def test_one_that_names_no_base_model_or_is_no_plain_lora_is_refused_for_what_it_is(
    workspace: Workspace, tmp_path: Path, key: str, value: object
) -> None:
    narrow = tiny.save_model(tmp_path / "narrow", hidden_size=32)
    adapter = tiny.save_adapter(workspace.folder / "adapter", narrow)
    edit(adapter, **{key: value})
    opened, persona = check(workspace), load_persona(workspace.folder)
    model, chat = workspace.settings.model, workspace.settings.chat
    refusal = opened.check_persona(persona, model, chat.system_prompt).refusal
    reason = "use_dora is not one" if value else "its shapes do not match the base model and its rank"
    assert reason in refusal


async def test_doctor_and_the_list_of_personas_say_whose_adapter_waits_and_for_what(
    workspace: Workspace, other: Workspace, qwen: tuple[Path, tuple[Path, Path]], base: Path, tmp_path: Path
) -> None:
    beside = install_adapter(other, qwen[1][0], {})
    workspace = make_workspace(tmp_path, base)
    options = check_options(tmp_path)
    note = (
        f"mara speaks from its card on {base}, for its adapter was made for another base model and waits "
        f"(adapter/ for {qwen[0]}); `python -m training train --persona mara` trains one for {base} beside it"
    )
    assert beside == workspace.folder / "adapter"
    assert await adapter_findings(tmp_path) == [f"note  adapter    {note}"]
    assert await persona_list(options) == f"mara         Mara; {note}"
    shown = f"adapter                      adapter/ for {qwen[0]} (speakers' names: always)  (its folder)"
    assert shown in (await persona_show(options)).splitlines()


async def test_both_say_which_adapter_serves_and_why_one_is_refused(
    workspace: Workspace,
    other: Workspace,
    qwen: tuple[Path, tuple[Path, Path]],
    trained: tuple[Path, Path],
    base: Path,
    tmp_path: Path,
) -> None:
    beside, home = install_adapter(other, qwen[1][0], {}), None
    workspace = make_workspace(tmp_path, base)
    home = install_adapter(workspace, trained[0], {})
    fits = f"mara: adapters/{home.name}/ fits {base}; speakers' names: always; adapter/ for {qwen[0]} waits"
    assert await adapter_findings(tmp_path) == [f"ok    adapter    {fits}"]
    assert await persona_list(check_options(tmp_path)) == "mara         Mara, with an adapter"
    (home / "manifest.json").write_text(json.dumps(manifest(home) | {"stop_ids": [77_777]}))
    refused = (
        'The adapter "mara" was not loaded: it was trained with other ids that end an answer; use the base '
        "model's own tokenizer and settings, train it again, or accept the change with "
        "`python -m training adopt`"
    )
    assert await adapter_findings(tmp_path) == [f"WRONG adapter    {refused}."]
    assert digest(beside) == digest(qwen[1][0])


def check_options(root: Path) -> Namespace:
    return Namespace(config=root / "config.toml", name="mara", place=None)


async def adapter_findings(root: Path) -> list[str]:
    return [str(each) for each in await run_checks(root / "config.toml") if each.subject == "adapter"]


def test_export_writes_the_one_for_the_base_model_or_names_those_that_wait(
    workspace: Workspace,
    other: Workspace,
    qwen: tuple[Path, tuple[Path, Path]],
    trained: tuple[Path, Path],
    base: Path,
    tmp_path: Path,
) -> None:
    install_adapter(workspace, trained[0], {})
    other = replace(other, persona=load_persona(other.folder))
    with pytest.raises(UserError) as refused:
        export_adapter(other, "peft", tmp_path / "out")
    assert str(refused.value) == (
        f"mara has no adapter for {qwen[0]}: `python -m training train --persona mara` makes one; set "
        f"[model] name for those that wait (adapter/ for {base})."
    )
    install_adapter(other, qwen[1][0], {})
    export_adapter(replace(other, persona=load_persona(other.folder)), "peft", tmp_path / "out")
    assert digest(tmp_path / "out") == digest(qwen[1][0])


def test_forget_names_the_adapters_of_all_base_models_that_hold_the_words(
    workspace: Workspace, other: Workspace, qwen: tuple[Path, tuple[Path, Path]], trained: tuple[Path, Path]
) -> None:
    author = Pseudonyms(workspace.work).of("test", "17")
    one = install_adapter(workspace, trained[0], {}, inherited=[author])
    two = install_adapter(other, qwen[1][0], {}, inherited=[author])
    assert [path.parent for path in forget(workspace.folder, author).adapters] == [one, two]


def test_no_adapter_of_the_persona_counts_as_one_with_canaries(
    other: Workspace, qwen: tuple[Path, tuple[Path, Path]], trained: tuple[Path, Path], workspace: Workspace
) -> None:
    install_adapter(workspace, trained[0], {})
    (workspace.work / "canaries.json").write_text("{")  # is not read
    assert learned_canaries(install_adapter(other, qwen[1][0], {}), other) == ()


def test_adopt_says_in_its_last_line_where_the_adapter_before_is_kept(
    workspace: Workspace, trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ("--config", str(tmp_path / "config.toml"), "adopt", "--persona", "mara")
    for adapter in trained:
        assert main([*told, str(adapter)]) == 0
    first, second = capsys.readouterr().out.split("Next: ")[1:]
    assert "kept" not in first
    kept = workspace.folder / "adapter.previous"
    assert second.splitlines()[-1] == f"The adapter before is kept in {kept}."
    assert (kept / "adapter_model.safetensors").exists()
