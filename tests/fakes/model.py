"""A scripted model behind the engine's own interface: fast, and without torch."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.adapter.choice import AdapterChoice, choose_adapter
from bot.engine.interface import Answer, Finish, Piece, Request, Status, Timings
from bot.errors import RestartNeeded, UserError
from bot.message import Place
from bot.prompt.splicing import Section, SectionToken

END = 256
CARD_LOST = RestartNeeded("The model cannot go on: the graphics card stopped answering.")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class ByteTokenizer:
    """One token for each byte, and two control tokens."""

    template: str | None = CHATML
    special = {"eos_token": "<|im_end|>"}  # noqa: RUF012
    control = frozenset({END, END + 1})
    end = frozenset({END})
    begin: tuple[int, ...] = ()
    _spelled = {END: "<|im_end|>", END + 1: "<|im_start|>"}  # noqa: RUF012

    def encode(self, text: str) -> list[int]:
        return list(text.encode("utf-8", "replace"))

    def encode_template(self, text: str) -> list[int]:
        for id, token in self._spelled.items():
            before, found, after = text.partition(token)
            if found:
                return [*self.encode_template(before), id, *self.encode_template(after)]
        return self.encode(text)

    def split_control(self, template: str) -> list[str | int]:
        for id, token in self._spelled.items():
            before, found, after = template.partition(token)
            if found:
                return [*self.split_control(before), id, *self.split_control(after)]
        return [template] if template else []

    def encode_section(self, section: Section) -> list[SectionToken]:
        if section.text.isascii():
            return [(byte, at, at + 1) for at, byte in enumerate(section.text.encode())]
        characters = enumerate(section.text)
        return [(byte, at, at + 1) for at, character in characters for byte in self.encode(character)]

    def decode(self, ids: list[int]) -> str:
        return bytes(id for id in ids if id < 256).decode("utf-8", "replace")

    def spell(self, ids: tuple[int, ...]) -> str:
        """Return the ids as text with control tokens spelt out, for assertions on a whole prompt."""
        pieces = [self._spelled[id].encode() if id in self._spelled else bytes([id]) for id in ids]
        return b"".join(pieces).decode("utf-8", "replace")


class CutText(str):
    """A scripted answer that ends where it has as many tokens as it may have."""


class ScriptedGeneration:
    """Generates one scripted answer word by word."""

    def __init__(self, engine: "ScriptedEngine", request: Request, script: str | Exception) -> None:
        self._engine, self._request, self._script = engine, request, script
        self._cancelled = asyncio.Event()
        self._text, self.answers = "", ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def cancel(self) -> None:
        self._cancelled.set()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        if isinstance(self._script, Exception):
            raise self._script
        words = self._script.split(" ")
        for number, word in enumerate(words):
            await self._wait()
            if self._cancelled.is_set():
                break
            piece = word if number == len(words) - 1 else word + " "
            self._text += piece
            yield Piece(piece)
        self._finish(len(words))

    async def _wait(self) -> None:
        if self._engine.hold:
            self._engine.holding.set()
            waits = [asyncio.create_task(event.wait()) for event in (self._engine.hold, self._cancelled)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        await self._engine.breathe()

    def _finish(self, tokens: int) -> None:
        finish: Finish = "length" if isinstance(self._script, CutText) else "stop"
        finish = "cancelled" if self._cancelled.is_set() else finish
        seconds = self._engine.delay * tokens
        timings = Timings(0.0, self._engine.delay, seconds)
        self.answers = (Answer(self._text, len(self._request.ids), tokens, finish, timings),)


@dataclass(frozen=True)
class ScriptedBase:
    """The base model that manifests of adapters are compared with; layers fit every one."""

    name: str = "scripted"
    fingerprint: str = "5" * 64
    norms: str = ""

    def other_base(self, folder: Path) -> str:
        return ""


class ScriptedEngine:
    """Answers from a script, then with the number of the request; keeps every request.

    While the event `hold` is not set, no word is generated; `holding` is set while a generation waits for it.
    """

    def __init__(self, *script: str | Exception, delay: float = 0.0) -> None:
        self.script, self.delay = deque(script), delay
        self.requests: list[Request] = []
        self.loaded: dict[str, Path] = {}
        self.refused: dict[str, UserError] = {}
        self.failure: UserError | None = None
        self.base = ScriptedBase()
        self.forgotten: list[Place] = []
        self.context = 4096
        self.restart = asyncio.Event()
        self.hold: asyncio.Event | None = None
        self.holding = asyncio.Event()
        self._tokenizer = ByteTokenizer()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def tokenizer(self) -> ByteTokenizer:
        await self.ready()
        return self._tokenizer

    async def ready(self) -> None:
        if self.failure:
            raise self.failure

    async def lost(self) -> None:
        """Wait until the event `restart` is set."""
        await self.restart.wait()
        raise CARD_LOST

    async def breathe(self) -> None:
        """Wait before each word."""
        await asyncio.sleep(self.delay)

    def generate(self, request: Request) -> ScriptedGeneration:
        self.requests.append(request)
        script = self.script.popleft() if self.script else f"Answer {len(self.requests)}."
        return ScriptedGeneration(self, request, script)

    async def choose_adapter(self, persona: str, folders: Sequence[Path]) -> AdapterChoice:
        await self.ready()
        return choose_adapter(persona, folders, self.base)

    async def add_adapter(self, name: str, folder: Path) -> None:
        if name in self.refused:
            raise self.refused[name]
        self.loaded[name] = folder

    async def drop_adapter(self, name: str) -> None:
        self.loaded.pop(name, None)

    async def forget(self, place: Place) -> None:
        self.forgotten.append(place)

    def status(self) -> Status:
        return Status(
            "ready",
            "scripted",
            answered=len(self.requests),
            adapters=tuple(self.loaded),
            context=self.context,
        )

    def prompts(self) -> list[str]:
        """Return every prompt so far, as text."""
        return [self._tokenizer.spell(request.ids) for request in self.requests]
