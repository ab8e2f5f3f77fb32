"""Settings of config.toml and the environment, checked before anything starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bot.addresses import Addresses, read_addresses
from bot.device_name import DeviceName
from bot.secrets import API_KEY, TOKENS, Tokens, read_secrets
from bot.system.names import refuse_long_folder
from bot.system.user_path import user_path
from bot.toml import Section, parse_toml, read_toml

_ID = re.compile(r"-?[0-9]{1,20}")


def _id_text(given: object) -> object:
    """Return the id of a person, an application or a bot as text; it may be written as a number."""
    text = str(given) if type(given) is int else given
    if isinstance(text, str) and not _ID.fullmatch(text):
        raise ValueError("write the id, digits alone: the platform shows it where names can change")
    return text


PlatformId = Annotated[str, BeforeValidator(_id_text)]


def _origin(given: str) -> str:
    """Return an origin as browsers send it."""
    parts = urlsplit(given)
    if not (parts.scheme and parts.netloc) or given != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("write the origin alone, such as https://chat.example.org")
    return given.lower()


Origin = Annotated[str, AfterValidator(_origin)]


def _host(given: str) -> str:
    """Return a host's name as Host headers have it, without the port."""
    marks = "/@*[] " if given.count(":") > 1 else "/@*[] :"  # an IPv6 address has colons
    if not given.strip(".") or any(mark in given for mark in marks):
        raise ValueError("write the name alone, without port, such as chat.example.org")
    return given.lower().rstrip(".")


HostName = Annotated[str, AfterValidator(_host)]


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


class ServeSettings(Section):
    """The OpenAI-compatible API, and the page beside it."""

    enabled: bool = False  # `run` opens it too, beside the platforms; `serve` opens it in any case
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)  # beyond loopback only with a key
    port: int = Field(default=8000, ge=0, le=65_535)  # 0 is any free one
    hosts: tuple[HostName, ...] = Field(default=(), max_length=100)  # further names in requests' Host header
    origins: tuple[Origin, ...] = Field(default=(), max_length=100)  # of web pages that may call the API
    requests: int = Field(default=64, ge=1, le=10_000)  # at once, running and waiting; more are refused
    page: bool = True  # a page to talk on, on the same socket


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
    serve: ServeSettings = ServeSettings()
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
    serve: ServeSettings
    log: LogSettings
    personas: Path
    data: Path
    tokens: Tokens
    addresses: Addresses
    api_key: str = field(
        default="", repr=False
    )  # empty: none is asked for, and none is served beyond loopback

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return all secrets, none of which is ever shown."""
        return (*self.tokens.values(), *([self.api_key] if self.api_key else ()))


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
    secrets = read_secrets(root / file.paths.secrets, environment)
    return Config(
        path,
        file.model,
        file.chat,
        file.terminal,
        file.discord,
        file.telegram,
        file.serve,
        file.log,
        personas,
        data,
        Tokens({name: secrets[name] for name in TOKENS if secrets[name]}),
        read_addresses(environment),
        secrets[API_KEY],
    )


def _root(path: Path, paths: Paths) -> Path:
    """Return the folder that paths are relative to: that of a link to the file where personas are there."""
    beside, real = path.parent, path.resolve().parent
    is_elsewhere = not (beside / paths.personas).is_dir() and (real / paths.personas).is_dir()
    return real if is_elsewhere else beside
