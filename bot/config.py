"""Settings of config.toml and the environment, checked before anything starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from bot.device_name import DeviceName
from bot.errors import UserError
from bot.system.names import refuse_long_folder
from bot.system.rights import others_can_read, private_command
from bot.system.user_path import user_path
from bot.toml import Section, parse_toml, read_toml

TOKENS = ("DISCORD_TOKEN", "TELEGRAM_TOKEN")
_ID = re.compile(r"-?[0-9]{1,20}")
_SCHEMES = {
    "discord_api": ("http", "https"),
    "discord_gateway": ("ws", "wss"),
    "telegram_api": ("http", "https"),
}


def _id_text(given: object) -> object:
    """Return the id of a person, an application or a bot as text; it may be written as a number."""
    text = str(given) if type(given) is int else given
    if isinstance(text, str) and not _ID.fullmatch(text):
        raise ValueError("write the id, digits alone: the platform shows it where names can change")
    return text


PlatformId = Annotated[str, BeforeValidator(_id_text)]


class ModelSettings(Section):
    """The base model that every persona shares."""

    name: str = "HuggingFaceTB/SmolLM2-135M-Instruct"  # a folder, a .gguf file, or a name on the hub
    precision: Literal["auto", "nf4", "int8", "bf16", "fp16", "fp32"] = "auto"
    device: DeviceName = "auto"  # "cpu", "cuda", "cuda:1"; "auto" spreads a large model over what there is
    context: int = Field(default=4096, ge=256)  # tokens of prompt and answer together
    template: str = ""  # a chat template (Jinja, or the name of a built-in one) for a model that has none
    # off: templates with a switch ask for no thought; hidden: the model may think. Nobody sees a thought.
    thinking: Literal["off", "hidden"] = "off"
    thinking_budget: int = Field(default=1024, ge=16, le=131_072)  # tokens of a thought, beside the answer's
    threads: int = Field(default=0, ge=0)  # CPU threads of the engine; 0 is every core
    rows: int = Field(default=32, ge=1, le=1024)  # answers at once; others wait
    native: bool = (
        True  # operations in C, compiled once where there is a compiler: up to twice as quick on a CPU
    )
    graphs: bool = True  # on a card, launch a step's kernels together where a trial shows that this works
    cache: int = Field(default=0, ge=0)  # megabytes for conversations; 0: by what is free

    @model_validator(mode="before")
    @classmethod
    def _without_compile(cls, given: Any) -> Any:
        """Ignore a key that the config.toml of earlier versions has; it gained nothing anywhere."""
        return {k: v for k, v in given.items() if k != "compile"} if isinstance(given, dict) else given


class ChatSettings(Section):
    """Manners of personas in a conversation."""

    persona: str = ""  # the persona of a place without a choice; empty is the first by name
    system_prompt: str = (  # a card's own system_prompt replaces it, or quotes it as {{original}}
        "Write the next reply of {{char}} in this chat. Stay in character."
    )
    listen: bool = False  # answer every message, in places without a setting of their own
    names: bool = True  # answer whoever says a persona's name
    bots: bool = False  # answer other bots, a few times in a row
    open: bool = False  # let everybody in a group choose who speaks and begin anew, not admins alone
    debounce: float = Field(default=1.5, ge=0, le=60)  # seconds of silence that end a burst of messages
    bot_debounce: float = Field(default=3, ge=0, le=60)  # the same for a bot's message, which may still grow
    waiting: int = Field(default=50, ge=1)  # messages of one place that may wait for an answer
    oldest: float = Field(default=86_400, gt=0)  # seconds after which a message is not answered any more
    message_characters: int = Field(default=16_000, ge=100)  # a longer message is refused
    first_deadline: float = Field(default=120, gt=0)  # seconds to the first word of an answer
    deadline: float = Field(default=600, gt=0)  # seconds to its end


class TerminalSettings(Section):
    """The conversation in this terminal."""

    name: str = Field(default="User", min_length=1, max_length=32)  # your name in conversations


class DiscordSettings(Section):
    """The account on Discord."""

    owners: tuple[PlatformId, ...] = ()  # ids of people who may do everything
    # applications, webhooks and bots through which people speak: PluralKit, Tupperbox; add those of bridges
    proxies: tuple[PlatformId, ...] = ("466378653216014359", "431544605209788416")


class TelegramSettings(Section):
    """The account on Telegram."""

    owners: tuple[PlatformId, ...] = ()  # ids of people who may do everything
    proxies: tuple[PlatformId, ...] = ()  # ids of bots through which people speak: those of bridges


class LogSettings(Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"  # a line, or an object of JSON, for each event


UserPath = Annotated[Path, AfterValidator(lambda path: user_path(str(path)))]


class Paths(Section):
    """Folders and files, relative to config.toml; "~" is the home folder."""

    personas: UserPath = Path("personas")
    data: UserPath = Path("data")  # ALTEREGO_DATA overrides it
    secrets: UserPath = Path("secrets.toml")  # tokens, where they are not in the environment; mode 0600


class ConfigFile(Section):
    """config.toml as a whole."""

    model: ModelSettings = ModelSettings()
    chat: ChatSettings = ChatSettings()
    terminal: TerminalSettings = TerminalSettings()
    discord: DiscordSettings = DiscordSettings()
    telegram: TelegramSettings = TelegramSettings()
    log: LogSettings = LogSettings()
    paths: Paths = Paths()


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, with absolute paths. Tokens stay out of its `repr`."""

    file: Path
    model: ModelSettings
    chat: ChatSettings
    terminal: TerminalSettings
    discord: DiscordSettings
    telegram: TelegramSettings
    log: LogSettings
    personas: Path
    data: Path
    tokens: "Tokens"
    addresses: "Addresses"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of the platforms; None is the public one. Tests and a local Bot API server set others."""

    discord_api: str | None = None
    discord_gateway: str | None = None
    telegram_api: str | None = None


class Tokens(dict[str, str]):
    """Secrets by name. Its `repr` shows the names alone."""

    def __repr__(self) -> str:
        return f"Tokens({', '.join(sorted(self)) or 'none'})"


def default_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the settings file that counts where none is named."""
    return user_path(environment.get("ALTEREGO_CONFIG") or "config.toml").absolute()


def load_config(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Load the settings. Raises `UserError` with the file, the key and the nearest known key."""
    path = path.absolute() if path else default_file(environment)
    file = parse_toml(
        ConfigFile, read_toml(path, "go to the folder that has one, or name it with --config FILE"), path
    )
    root = _root(path, file.paths)
    personas = root / file.paths.personas
    data = user_path(environment.get("ALTEREGO_DATA") or str(root / file.paths.data)).absolute()
    for folder in (personas, data):
        refuse_long_folder(folder)
    return Config(
        path,
        file.model,
        file.chat,
        file.terminal,
        file.discord,
        file.telegram,
        file.log,
        personas,
        data,
        _tokens(root / file.paths.secrets, environment),
        _addresses(environment),
    )


def _root(path: Path, paths: Paths) -> Path:
    """Return the folder that paths are relative to: that of a link to the file where personas are there."""
    beside, real = path.parent, path.resolve().parent
    is_elsewhere = not (beside / paths.personas).is_dir() and (real / paths.personas).is_dir()
    return real if is_elsewhere else beside


def _addresses(environment: Mapping[str, str]) -> Addresses:
    """Read the addresses of the platforms. Those of Discord, which get a token, must be on this machine."""
    found = {name: environment.get(f"ALTEREGO_{name.upper()}", "").strip() or None for name in _SCHEMES}
    for name, address in found.items():
        parts = urlsplit(address or "")
        if address and (parts.scheme not in _SCHEMES[name] or not parts.hostname):
            raise UserError(
                f"ALTEREGO_{name.upper()} is not an address: write {_SCHEMES[name][0]}://host:port."
            )
        if address and name != "telegram_api" and not _is_loopback(parts.hostname or ""):
            raise UserError(
                f"ALTEREGO_{name.upper()} must be on this machine (127.0.0.1), not {parts.hostname}."
            )
    return Addresses(**{name: address and address.rstrip("/") for name, address in found.items()})


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _tokens(path: Path, environment: Mapping[str, str]) -> Tokens:
    stored: dict[str, str] = {}
    if path.exists():
        if others_can_read(path):
            raise UserError(f"{path} holds secrets but others can read it: run `{private_command(path)}`.")
        stored = parse_toml(_Secrets, read_toml(path, "make it again"), path).model_dump()
    tokens = {name: environment.get(name, "").strip() or stored.get(name, "").strip() for name in TOKENS}
    return Tokens({name: token for name, token in tokens.items() if token})


class _Secrets(Section):
    model_config = ConfigDict(hide_input_in_errors=True)

    DISCORD_TOKEN: str = Field(default="", repr=False)
    TELEGRAM_TOKEN: str = Field(default="", repr=False)
