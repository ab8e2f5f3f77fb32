"""Secrets: tokens of platforms and the key of the API, from the environment or a private file."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ConfigDict, Field

from bot.errors import UserError
from bot.system.rights import others_can_read, private_command
from bot.toml import Section, parse_toml, read_toml

TOKENS = ("DISCORD_TOKEN", "TELEGRAM_TOKEN")
API_KEY = "ALTEREGO_API_KEY"
SECRETS = (*TOKENS, API_KEY)
SHORTEST_KEY = 16  # characters of the API's key


class Tokens(dict[str, str]):
    """Secrets by name. Its `repr` shows the names alone."""

    def __repr__(self) -> str:
        return f"Tokens({', '.join(sorted(self)) or 'none'})"


def read_secrets(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return each secret by name, empty where it is not set. Raises `UserError` for a short key."""
    stored: dict[str, str] = {}
    if path.exists():
        if others_can_read(path):
            raise UserError(f"{path} holds secrets but others can read it: run `{private_command(path)}`.")
        stored = parse_toml(_Secrets, read_toml(path, "make it again"), path).model_dump()
    found = {name: environment.get(name, "").strip() or stored.get(name, "").strip() for name in SECRETS}
    if 0 < len(found[API_KEY]) < SHORTEST_KEY:
        raise UserError(f"{API_KEY} is too short to be a secret: write at least {SHORTEST_KEY} characters.")
    return found


class _Secrets(Section):
    model_config = ConfigDict(hide_input_in_errors=True)

    DISCORD_TOKEN: str = Field(default="", repr=False)
    TELEGRAM_TOKEN: str = Field(default="", repr=False)
    ALTEREGO_API_KEY: str = Field(default="", repr=False)
