"""The settings take tokens from the environment or a private file, and never show one."""

from pathlib import Path
from pprint import pformat

import pytest

from bot.errors import UserError
from bot.secrets import TOKENS, Tokens
from tests.bot.config_file import complaint, settings

CANARY = "5550001111:AAcanaryCANARYcanaryCANARYcanary12345"


def secrets(folder: Path, text: str, mode: int = 0o600) -> None:
    file = folder / "secrets.toml"
    file.write_text(text)
    file.chmod(mode)


@pytest.mark.parametrize(
    ("file", "environment", "tokens"),
    [
        ("", {}, {}),
        ("DISCORD_TOKEN = 'f'", {}, {"DISCORD_TOKEN": "f"}),
        ("", {"TELEGRAM_TOKEN": "e"}, {"TELEGRAM_TOKEN": "e"}),
        ("DISCORD_TOKEN = 'f'", {"DISCORD_TOKEN": "e"}, {"DISCORD_TOKEN": "e"}),
        ("DISCORD_TOKEN = 'f'", {"DISCORD_TOKEN": ""}, {"DISCORD_TOKEN": "f"}),
        ("DISCORD_TOKEN = ''", {"TELEGRAM_TOKEN": " e\n"}, {"TELEGRAM_TOKEN": "e"}),
    ],
)
def test_tokens_come_from_the_environment_then_from_the_secrets_file(
    tmp_path: Path, file: str, environment: dict[str, str], tokens: dict[str, str]
) -> None:
    secrets(tmp_path, file)
    assert dict(settings(tmp_path, "", environment).tokens) == tokens


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o777])
def test_secrets_that_others_can_read_are_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    secrets(tmp_path, f"DISCORD_TOKEN = '{CANARY}'", mode)
    assert complaint(tmp_path, "") == (
        "<folder>/secrets.toml holds secrets but others can read it: run `chmod 600 <folder>/secrets.toml`."
    )


@pytest.mark.parametrize(
    "text",
    [
        f"DISCORD_TOKEN = ['{CANARY}']",
        f"DISCORD_TOKEN = {{a = '{CANARY}'}}",
        f"DISCORD_TOKENS = '{CANARY}'",
        f"DISCORD_TOKEN = {CANARY}",
        f"DISCORD_TOKEN = '{CANARY}",
        f"DISCORD_TOKEN = '{CANARY}'\nDISCORD_TOKEN = '{CANARY}'",
    ],
)
def test_a_mistake_in_the_secrets_file_does_not_show_the_secret(tmp_path: Path, text: str) -> None:
    secrets(tmp_path, text)
    said = complaint(tmp_path, "")
    assert said.startswith("<folder>/secrets.toml")
    assert not [part for part in CANARY.split(":") if part in said]


def test_a_token_in_the_settings_file_is_not_shown_either(tmp_path: Path) -> None:
    said = complaint(tmp_path, f"DISCORD_TOKEN = '{CANARY}'")
    assert CANARY not in said
    assert "DISCORD_TOKEN is not a known key" in said


def test_no_way_of_showing_the_settings_shows_a_token(tmp_path: Path) -> None:
    config = settings(tmp_path, "", dict.fromkeys(TOKENS, CANARY))
    shown = [
        repr(config),
        str(config),
        f"{config.tokens}",
        f"{config.tokens!r}",
        pformat(config),
        "{}".format(config.tokens),  # noqa: UP032
    ]
    assert CANARY not in "".join(shown)
    assert repr(config.tokens) == "Tokens(DISCORD_TOKEN, TELEGRAM_TOKEN)"
    assert repr(Tokens()) == "Tokens(none)"


@pytest.mark.parametrize(
    ("file", "environment", "key"),
    [
        ("", {}, ""),
        (f"ALTEREGO_API_KEY = '{CANARY}'", {}, CANARY),
        ("ALTEREGO_API_KEY = 'a-key-of-twenty-letters'", {"ALTEREGO_API_KEY": f" {CANARY}\n"}, CANARY),
    ],
)
def test_the_key_of_the_api_is_a_secret_as_tokens_are(
    tmp_path: Path, file: str, environment: dict[str, str], key: str
) -> None:
    secrets(tmp_path, file)
    loaded = settings(tmp_path, "", environment)
    assert (loaded.api_key, loaded.secrets, dict(loaded.tokens)) == (key, (key,) if key else (), {})
    assert CANARY not in pformat(loaded) + repr(loaded)


def test_a_key_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ALTEREGO_API_KEY is too short to be a secret"):
        settings(tmp_path, "", {"ALTEREGO_API_KEY": "short"})
