"""Every option takes a path as people write it: relative, with ~, a slash, links, blanks, Chinese letters."""

import argparse
import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot import config
from bot.app import models, terminal_chat
from bot.app.arguments import argument_parser
from bot.persona.new_folder import read_new_card
from bot.system.user_path import user_path
from tests.fakes import families
from tests.fixtures.adapter_workspace import make_workspace
from tests.fixtures.exported_adapters import lora
from tests.fixtures.path_desk import Desk
from tests.paths import EXPORTS
from training import __main__ as trainer
from training.adapters.install import install_adapter

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

_PATHS = ("DIR", "DEST", "FILE", "PATH", "FOLDER", "ADAPTER")  # words of metavars


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home") / "ein Ordner 文件夹"
    home.mkdir()
    base = families.save("llama", home / "base")
    adapter = lora(base, home / "adapter 适配器")
    install_adapter(make_workspace(home, base), adapter, {})
    shutil.copytree(EXPORTS / "alpaca", home / "export 导出")
    (home / "recipe 食谱.toml").write_text("ranks = 4\n")
    (home / "工作 folder").mkdir()
    return home


@pytest.fixture
def desk(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    home = Path(shutil.copytree(made, tmp_path / made.name))
    told = (home / "config.toml").read_text().replace(str(made), str(home))
    (home / "config.toml").write_text(told)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(home / "工作 folder")
    return Desk(home)


def linked(path: Path, desk: Desk) -> str:
    link = desk.here / "链接 link"
    link.symlink_to(path)
    return str(link)


FORMS: dict[str, Callable[[Path, Desk], str]] = {
    "absolute": lambda path, desk: str(path),
    "relative": lambda path, desk: os.path.relpath(path, desk.here),
    "home": lambda path, desk: f"~/{path.relative_to(desk.home)}",
    "slash": lambda path, desk: f"{path}/",
    "link": linked,
}


def _settings(given: str, desk: Desk) -> None:
    code, error = desk.train("--config", given, "forget", "nobody", "--persona", "mara")
    assert (code, "Nobody in the messages" in error) == (2, True), error


def _bot_settings(given: str, desk: Desk) -> None:
    options = argument_parser(None).parse_args(["--config", given, "doctor"])
    assert config.load_config(options.config, {}).personas.is_dir()


def _prompts(given: str, desk: Desk) -> None:
    options = argument_parser(None).parse_args(["chat", "--prompts", given])
    assert terminal_chat.prompt_observer(options.prompts, desk.home / "data") is not None


def _models(given: str, desk: Desk) -> None:
    options = argument_parser(None).parse_args(["--config", str(desk.home / "config.toml"), "models", given])
    assert "llama" in asyncio.run(models.models(options))


def _import(given: str, desk: Desk) -> None:
    code, error = desk.mara("import", given)
    assert code == 0, error


def _adopt(given: str, desk: Desk) -> None:
    assert desk.mara("adopt", given) == (0, "")


def _adopt_with_config(given: str, desk: Desk) -> None:
    (desk.home / "adapter 适配器/adapter_model.safetensors").rename(desk.home / "w.safetensors")
    assert desk.mara("adopt", str(desk.home / "w.safetensors"), "--adapter-config", given) == (0, "")


def _continue(given: str, desk: Desk) -> None:
    """The adapter is found and read, and then there are no data."""
    from training.adapters.foreign import ConfigGaps
    from training.adapters.intake import open_foreign_adapter
    from training.dataset.workspace import open_workspace

    options = trainer._parser().parse_args(["train", "--persona", "mara", "--continue-from", given])
    settings = config.load_config(desk.home / "config.toml", {})
    workspace = open_workspace(settings, desk.home / "personas/mara")
    with open_foreign_adapter(workspace, options.continue_from, ConfigGaps(), desk.home / "draft") as foreign:
        assert foreign.folder.is_dir()


def _make(given: str, desk: Desk) -> None:
    options = trainer._parser().parse_args(["make", given, "--persona", "mara"])
    assert options.paths[0].exists()


def _make_card(given: str, desk: Desk) -> None:
    options = trainer._parser().parse_args(["make", "export", "--persona", "mara", "--card", given])
    assert read_new_card(options.card).card.name == "Mara"


def _new_persona(given: str, desk: Desk) -> None:
    options = argument_parser(None).parse_args(["persona", "new", "mira", "--card", given])
    assert read_new_card(options.card).card.name == "Mara"


def _recipe(given: str, desk: Desk) -> None:
    code, error = desk.mara("train", "--recipe", given)
    assert (code, "ranks" in error) == (2, True), error


def _new_recipe(given: str, desk: Desk) -> None:
    code, error = desk.mara("train", "--write-recipe", given)
    assert (code, "is there already" in error) == (2, True), error


def _evaluate(given: str, desk: Desk) -> None:
    code, error = desk.mara("evaluate", "--adapter", given)
    assert (code, "There are no data in" in error) == (2, True), error


def _export_other(given: str, desk: Desk) -> None:
    out = desk.home / "exported"
    assert desk.mara("export", "--format", "peft", "--adapter", given, str(out)) == (0, "")
    assert (out / "adapter_model.safetensors").exists()


def _export(given: str, desk: Desk) -> None:
    assert desk.mara("export", "--format", "peft", given) == (0, "")
    assert (desk.here / "out/adapter_model.safetensors").exists()


def _push(given: str, desk: Desk) -> None:
    code, error = desk.mara("push", "someone/mara", "--yes", "--adapter", given)
    assert (code, "no files without a token" in error or "did not answer" in error) == (2, True), error


def _convert(given: str, desk: Desk) -> None:
    assert desk.train("convert", given, str(desk.home / "converted")) == (0, "")


def _convert_to(given: str, desk: Desk) -> None:
    assert desk.train("convert", str(desk.home / "base"), given) == (0, "")
    assert (desk.here / "out/params.json").exists()


# program, command and option, then the file or folder that is given and the check
CASES: dict[tuple[str, str, str], tuple[str, Callable[[str, Desk], None]]] = {
    ("bot", "", "--config"): ("config.toml", _bot_settings),
    ("bot", "chat", "--prompts"): ("prompts 提示.jsonl", _prompts),
    ("bot", "models", "words"): ("base", _models),
    ("training", "", "--config"): ("config.toml", _settings),
    ("training", "import", "paths"): ("export 导出", _import),
    ("training", "adopt", "adapter"): ("adapter 适配器", _adopt),
    ("training", "adopt", "--adapter-config"): ("adapter 适配器/adapter_config.json", _adopt_with_config),
    ("training", "train", "--continue-from"): ("adapter 适配器", _continue),
    ("bot", "persona new", "--card"): ("personas/mara/card.json", _new_persona),
    ("training", "make", "paths"): ("export 导出", _make),
    ("training", "make", "--card"): ("personas/mara/card.json", _make_card),
    ("training", "train", "--recipe"): ("recipe 食谱.toml", _recipe),
    ("training", "train", "--write-recipe"): ("recipe 食谱.toml", _new_recipe),
    ("training", "evaluate", "--adapter"): ("adapter 适配器", _evaluate),
    ("training", "export", "target"): ("工作 folder/out", _export),
    ("training", "export", "--adapter"): ("adapter 适配器", _export_other),
    ("training", "push", "--adapter"): ("adapter 适配器", _push),
    ("training", "convert", "source"): ("base", _convert),
    ("training", "convert", "target"): ("工作 folder/out", _convert_to),
}
FILES = {
    "a file of an export": ("export 导出/set.json", _import),
    "a file of weights": ("adapter 适配器/adapter_model.safetensors", _adopt),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_a_path_is_taken_as_people_write_it(case: tuple[str, str, str], form: str, desk: Desk) -> None:
    name, check = CASES[case]
    is_new = name.endswith("/out")
    path = (desk.home / name).parent if is_new else desk.home / name
    given = FORMS[form](path, desk)
    check(f"{given.rstrip('/')}/out{'/' * given.endswith('/')}" if is_new else given, desk)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_taken_as_a_folder_is(kind: str, form: str, desk: Desk) -> None:
    name, check = FILES[kind]
    check(FORMS[form](desk.home / name, desk), desk)


@pytest.mark.parametrize("form", FORMS)
def test_settings_name_paths_so(form: str, desk: Desk) -> None:
    told = json.dumps(FORMS[form](desk.home / "personas", desk), ensure_ascii=False)
    (desk.here / "config.toml").write_text(f"[paths]\npersonas = {told}\ndata = {told}\n", encoding="utf-8")
    environment = {"ALTEREGO_CONFIG": FORMS[form](desk.here / "config.toml", desk)} if form != "link" else {}
    settings = config.load_config(None, environment)
    assert settings.personas.resolve() == settings.data.resolve() == (desk.home / "personas").resolve()
    elsewhere = {**environment, "ALTEREGO_DATA": "~/data"}
    assert config.load_config(None, elsewhere).data == desk.home / "data"


def path_options(
    parser: argparse.ArgumentParser, program: str, command: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Yield program, command and name of each option that takes a path, by its metavar or its type."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from path_options(inner, program, f"{command} {name}".strip())
            continue
        words = str(action.metavar or "").replace("/", " ").replace("_", " ").split()
        if action.type in (Path, user_path) or any(word in _PATHS for word in words):
            yield program, command, (action.option_strings or [action.dest])[0]


def test_each_option_that_takes_a_path_is_in_the_table() -> None:
    found = {*path_options(argument_parser(None), "bot"), *path_options(trainer._parser(), "training")}
    assert found == set(CASES)
