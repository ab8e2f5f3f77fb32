"""The settings name every mistake with its place, and the shipped file says every default."""

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.config import ConfigFile, load_config
from bot.errors import UserError
from tests.bot.config_file import complaint, settings
from tests.paths import ROOT

SHIPPED = ROOT / "config.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[model]\n# the model\nnmae = 'x'", ", line 3: model.nmae is not a known key: did you mean 'name'?"),
        ("[modle]\nname = 'x'", ", line 1: modle is not a known key: did you mean 'model'?"),
        (
            "[ model ] # here\ncontxt = 1",
            ", line 2: model.contxt is not a known key: did you mean 'context'?",
        ),
        ("model.nmae = 'x'", ", line 1: model.nmae is not a known key: did you mean 'name'?"),
        ("\nmodel = {nmae = 'x'}", ", line 2: model.nmae is not a known key: did you mean 'name'?"),
        (
            "zzz = 1",
            ", line 1: zzz is not a known key: "
            "known here are model, chat, terminal, discord, telegram, serve, log, paths.",
        ),
        (
            "[terminal]\nzzz = 1",
            ", line 2: terminal.zzz is not a known key: known here are name.",
        ),
        ("name = 'x'\n[model]\nname = 'y'", ", line 1: name is not a known key: "),
    ],
)
def test_an_unknown_key_is_named_with_its_file_its_line_and_the_nearest_one(
    tmp_path: Path, text: str, said: str
) -> None:
    assert complaint(tmp_path, text).startswith(f"<folder>/config.toml{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[model]\ncontext = 'many'",
            ", line 2: model.context = 'many' is wrong: input should be a valid integer, "
            "unable to parse string as an integer.",
        ),
        (
            "[discord]\nproxies = ['PluralKit']",
            ", line 2: discord.proxies.0 = 'PluralKit' is wrong: "
            "write the id, digits alone: the platform shows it where names can change.",
        ),
        (
            "[telegram]\nowners = ['@ana']",
            ", line 2: telegram.owners.0 = '@ana' is wrong: "
            "write the id, digits alone: the platform shows it where names can change.",
        ),
        (
            "[model]\ncontext = 8",
            ", line 2: model.context = 8 is wrong: input should be greater than or equal to 256.",
        ),
        (
            "[model]\nprecision = 'int3'",
            ", line 2: model.precision = 'int3' is wrong: "
            "input should be 'auto', 'nf4', 'int8', 'bf16', 'fp16' or 'fp32'.",
        ),
        (
            "[chat]\ndebounce = nan",
            ", line 2: chat.debounce = nan is wrong: input should be a finite number.",
        ),
        (
            "[chat]\ndeadline = inf",
            ", line 2: chat.deadline = inf is wrong: input should be a finite number.",
        ),
        ("[chat]\ndeadline = 0", ", line 2: chat.deadline = 0 is wrong: input should be greater than 0."),
        (
            "[terminal]\nname = ''",
            ", line 2: terminal.name = '' is wrong: string should have at least 1 character.",
        ),
        (
            "[log]\nlevel = 'loud'",
            ", line 2: log.level = 'loud' is wrong: input should be 'debug', 'info', 'warning' or 'error'.",
        ),
        ("[log]\nformat = 'xml'", ", line 2: log.format = 'xml' is wrong: input should be 'text' or 'json'."),
        (
            "[serve]\nport = 70000",
            ", line 2: serve.port = 70000 is wrong: input should be less than or equal to 65535.",
        ),
        (
            "[serve]\nhosts = ['chat.example.org:443']",
            ", line 2: serve.hosts.0 = 'chat.example.org:443' is wrong: "
            "write the name alone, without port, such as chat.example.org.",
        ),
        (
            "[serve]\norigins = ['https://chat.example.org/']",
            ", line 2: serve.origins.0 = 'https://chat.example.org/' is wrong: "
            "write the origin alone, such as https://chat.example.org.",
        ),
        (
            "[serve]\norigins = '*'",
            ", line 2: serve.origins = '*' is wrong: write a list, such as [\"*\"].",
        ),
        ("[paths]\ndata = 3", ", line 2: paths.data = 3 is wrong: input is not a valid path."),
        ("model = 3", ", line 1: model must be a table: write [model] and its keys below it."),
        ("[[model]]\nname = 'x'", ", line 1: model must be a table: write [model] and its keys below it."),
    ],
)
def test_a_wrong_value_is_named_with_its_file_its_line_and_what_is_wanted(
    tmp_path: Path, text: str, said: str
) -> None:
    assert complaint(tmp_path, text) == f"<folder>/config.toml{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[model\n",
            "is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 7).",
        ),
        ("a = 1\na = 2", "is not valid TOML: Cannot overwrite a value (at end of document)."),
        ("a = " + "1" * 5000, "is not valid TOML: Exceeds the limit (4300"),
        ("a = " + "[" * 5000, "is not valid TOML: maximum recursion depth"),
        (b"\xff\xfe", "cannot be read: 'utf-8' codec can't decode byte 0xff in position 0"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert complaint(tmp_path, text).startswith(f"<folder>/config.toml {said}")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert settings(tmp_path, "\ufeff[model]\ncontext = 300").model.context == 300


def test_a_missing_file_is_named_with_the_option_that_sets_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_config(tmp_path / "none.toml", {})
    advice = "go to the folder that has one, or name it with --config FILE."
    assert str(caught.value) == f"There is no settings file {tmp_path}/none.toml: {advice}"


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="is not a file: go to the folder that has one, or name it with --config FILE"
    ):
        load_config(tmp_path, {})


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    settings(tmp_path / "deep", "[paths]\npersonas = 'cast'\ndata = '/var/alterego'")
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("deep/config.toml"), {})
    assert (config.file, config.personas, config.data) == (
        tmp_path / "deep/config.toml",
        tmp_path / "deep/cast",
        Path("/var/alterego"),
    )


def test_the_environment_names_the_file_and_the_data(tmp_path: Path) -> None:
    settings(tmp_path, "[terminal]\nname = 'Ann'")
    environment = {"ALTEREGO_CONFIG": str(tmp_path / "config.toml"), "ALTEREGO_DATA": str(tmp_path / "kept")}
    config = load_config(None, environment)
    assert (config.terminal.name, config.data) == ("Ann", tmp_path / "kept")


def test_a_file_named_by_option_goes_before_the_environment(tmp_path: Path) -> None:
    config = settings(tmp_path, "", {"ALTEREGO_CONFIG": "/nowhere/config.toml"})
    assert config.file == tmp_path / "config.toml"


def test_empty_variables_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = load_config(None, {"ALTEREGO_CONFIG": "", "ALTEREGO_DATA": "", "DISCORD_TOKEN": ""})
    assert (config.file, config.data, dict(config.tokens)) == (
        tmp_path / "config.toml",
        tmp_path / "data",
        {},
    )


def test_the_shipped_file_says_every_key_and_its_default() -> None:
    def defaults(kind: type[BaseModel]) -> dict[str, object]:
        return kind().model_dump(mode="json")

    assert tomllib.loads(SHIPPED.read_text()) == defaults(ConfigFile)


def test_the_shipped_file_is_what_an_empty_one_means(tmp_path: Path) -> None:
    empty, shipped = settings(tmp_path), load_config(SHIPPED, {})
    for section in ("model", "chat", "terminal", "log"):
        assert getattr(empty, section) == getattr(shipped, section)


def test_ids_may_be_written_as_numbers(tmp_path: Path) -> None:
    found = settings(tmp_path, "[discord]\nowners = [80351110224678912]")
    assert found.discord.owners == ("80351110224678912",)


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "[model]\ncontext = 'many'\nnmae = 'x'\n[chat]\ndebounce = -1"
    assert complaint(tmp_path, text) == (
        "<folder>/config.toml, line 2: model.context = 'many' is wrong: input should be a valid integer, "
        "unable to parse string as an integer. Also, line 3: model.nmae is not a known key: did you mean "
        "'name'? Also, line 5: chat.debounce = -1 is wrong: input should be greater than or equal to 0."
    )


def test_ten_mistakes_are_told_and_the_others_counted(tmp_path: Path) -> None:
    said = complaint(tmp_path, "\n".join(f"zzz{number} = 1" for number in range(13)))
    assert said.count("is not a known key") == 10
    assert said.endswith("There are 3 more mistakes.")


def test_paths_are_beside_a_link_to_the_settings_or_beside_the_file(tmp_path: Path) -> None:
    for name in ("real", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "real/personas").mkdir()
    (tmp_path / "real/config.toml").touch()
    link = tmp_path / "other/config.toml"
    link.symlink_to(tmp_path / "real/config.toml")
    assert load_config(link, {}).personas == tmp_path / "real/personas"
    (tmp_path / "other/personas").mkdir()
    assert load_config(link, {}).personas == tmp_path / "other/personas"


def test_a_path_may_begin_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "config.toml").write_text('[paths]\npersonas = "~/people"\ndata = "~/kept"\n')
    settings = load_config(tmp_path / "config.toml", {})
    assert (settings.personas, settings.data) == (tmp_path / "people", tmp_path / "kept")
