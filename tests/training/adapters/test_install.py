"""An adapter takes its place whole or not at all."""

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.persona.persona import load_persona
from bot.prompt.contract import check_contract
from tests.fixtures.adapter_workspace import WEIGHTS, digest, make_workspace, manifest, served
from tests.fixtures.kill_points import killed_at
from training.adapters.install import install_adapter, recover_install
from training.dataset.workspace import Workspace

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("adapter*"))


def test_what_was_there_before_is_kept_once(workspace: Workspace, trained: tuple[Path, Path]) -> None:
    one, two = trained
    for adapter in (one, two, one):
        home = install_adapter(workspace, adapter, {})
        assert load_persona(workspace.folder).adapter == home
        assert digest(home) == digest(adapter)
    assert names(workspace.folder) == ["adapter", "adapter.lock", "adapter.previous"]
    assert digest(workspace.folder / "adapter.previous") == digest(two)
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


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
    workspace: Workspace,
    trained: tuple[Path, Path],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    home = install_adapter(workspace, trained[0], {})
    bad = Path(shutil.copytree(trained[1], tmp_path / "bad"))
    spoil(bad)
    with pytest.raises(UserError, match=reason):
        install_adapter(workspace, bad, {})
    assert names(workspace.folder) == ["adapter", "adapter.lock"]
    assert digest(home) == digest(trained[0])


def test_an_adapter_in_another_place_is_not_passed_over(
    base: Path, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path, base)
    shutil.copytree(trained[0], workspace.folder / "tuned")
    (workspace.folder / "persona.toml").write_text('adapter = "tuned"')
    with pytest.raises(UserError, match=r"persona\.toml has the adapter in tuned: drop the key `adapter`"):
        install_adapter(workspace, trained[1], {})
    assert names(workspace.folder) == ["adapter.lock"]


def test_where_nothing_can_be_put_in_place_all_is_as_before(
    workspace: Workspace, trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = trained
    install_adapter(workspace, one, {})
    install_adapter(workspace, two, {})
    rename = os.replace

    def refuse(path: Path, target: Path) -> None:
        if path.name == "adapter.new":
            raise OSError(28, "No space left on device")
        rename(path, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UserError, match="cannot be written: No space left on device; the adapter before is"):
        install_adapter(workspace, one, {})
    assert names(workspace.folder) == ["adapter", "adapter.lock", "adapter.previous"]
    assert digest(workspace.folder / "adapter") == digest(two)
    assert digest(workspace.folder / "adapter.previous") == digest(one)


def test_killed_at_any_moment_one_is_whole(workspace: Workspace, trained: tuple[Path, Path]) -> None:
    known = {digest(path) for path in trained}
    expected = served(workspace)
    install_adapter(workspace, trained[0], {})
    install_adapter(workspace, trained[1], {})
    change, killed, on_the_way = 0, True, set[str]()
    while killed:
        new = trained[change % 2]
        killed = killed_at(change, workspace.folder, partial(install_adapter, workspace, new, {}))
        for _ in ("as the bot finds it", "as the next command leaves it"):
            persona = load_persona(workspace.folder)
            assert persona.adapter is not None
            on_the_way.add(persona.adapter.name)
            assert manifest(persona.adapter)["adapter_sha256"] == digest(persona.adapter)
            assert digest(persona.adapter) in known
            check_contract(persona, expected)
            recover_install(workspace.folder)
        assert set(names(workspace.folder)) <= {"adapter", "adapter.lock", "adapter.previous"}
        change += 1
    assert change > 15
    assert on_the_way == {"adapter", "adapter.new"}
    assert digest(workspace.folder / "adapter") == digest(new)


def test_the_last_adapter_is_found_where_only_the_previous_one_is_left(
    workspace: Workspace, trained: tuple[Path, Path]
) -> None:
    install_adapter(workspace, trained[0], {}).rename(workspace.folder / "adapter.previous")
    assert load_persona(workspace.folder).adapter == workspace.folder / "adapter.previous"
    recover_install(workspace.folder)
    assert load_persona(workspace.folder).adapter == workspace.folder / "adapter"
