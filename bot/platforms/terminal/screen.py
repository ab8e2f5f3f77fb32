"""The terminal's screen: answers while they arrive, wrapped between words; notes; a spinner during a wait."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.status import Status as Spinner
from rich.text import Text

from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from bot.system.console import printable
from bot.text.formatted_text import FormattedText
from bot.text.visibility import is_visible
from bot.token_prefix import common_prefix

# a word, a character of a script without spaces, a line's end, or blanks
_WORD = re.compile(
    r"[^\S\n]+|\n|[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\uffef]+|\S"
)


class WordWrap:
    """Wraps a text that arrives in pieces into lines of `width` cells; the last word waits for its end."""

    def __init__(self, width: int) -> None:
        self._width, self._column, self._last_word = width, 0, ""

    def feed(self, text: str) -> str:
        """Return the text that can be written after this piece."""
        *whole, self._last_word = _WORD.findall(self._last_word + text) or [""]
        return "".join(map(self._place, whole))

    def flush(self) -> str:
        """Return the last word; the next text begins a line."""
        text, self._last_word = self._place(self._last_word), ""
        self._column = 0
        return text

    def _place(self, word: str) -> str:
        cells = cell_len(word)
        if word == "\n":
            self._column = 0
        elif self._column and self._column + cells > self._width:
            self._column = 0 if word.isspace() else cells
            return "\n" if word.isspace() else "\n" + word
        elif not (word.isspace() and self._column == 0):
            self._column += cells
        return word


class PrintedOutlet:
    """The common part of outlets that print: no limit, no pace, no removal."""

    for_owner = True

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        return [FormattedText(text.strip())] if is_visible(text) else []

    def pace(self, place: Place) -> float:
        return 0.0

    def stays(self, place: Place) -> bool:
        return False

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Do nothing: printed text stays."""


class Screen(PrintedOutlet):
    """An outlet that writes answers while they arrive, under the persona's name."""

    def __init__(self, stage: Callable[[], str], console: Console | None = None) -> None:
        self._console, self._stage = console or Console(highlight=False), stage
        self._spinner: Spinner | None = None
        self._shown, self._wrap = "", WordWrap(self._console.width)

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        self._spinner = self._console.status("")
        ticker = asyncio.create_task(self._tick(self._spinner, persona.name))
        self._spinner.start()
        try:
            yield
        finally:
            ticker.cancel()
            self._stop_spinner()

    async def _tick(self, spinner: Spinner, name: str) -> None:
        while True:
            stage = self._stage()
            spinner.update(Text(printable(stage or f"{name} is thinking"), style="dim"))
            await asyncio.sleep(0.25)

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> None:
        self._stop_spinner()
        if not self._shown:
            self._print_name(persona)
        self._write(self._wrap.feed(printable(text[len(self._shown) :])))
        self._shown = text

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        self._stop_spinner()
        if persona is None:
            self.note(outgoing.text, style="yellow")
            return None
        same = common_prefix(self._shown, outgoing.text)
        if 2 * same < len(self._shown):
            self._end_answer()
        elif same < len(self._shown) and same < len(outgoing.text):  # a cut answer ends in another way
            self._write(self._wrap.flush() + "\n")
        if not self._shown:
            self._print_name(persona)
            same = 0
        self._write(self._wrap.feed(printable(outgoing.text[same:])))
        self._end_answer()
        return None

    def note(self, text: str, style: str = "dim") -> None:
        """Print a text of the program itself, not of a persona."""
        if self._shown:
            self._end_answer()
        if text:
            self._console.print(Text(printable(text) + "\n", style=style))

    def _end_answer(self) -> None:
        self._write(self._wrap.flush() + "\n\n")
        self._shown = ""

    def _write(self, text: str) -> None:
        self._console.print(Text(text), end="", soft_wrap=True)

    def _print_name(self, persona: Persona) -> None:
        self._console.print(Text(printable(persona.name), style="bold magenta"))

    def _stop_spinner(self) -> None:
        if self._spinner:
            self._spinner.stop()
            self._spinner = None
