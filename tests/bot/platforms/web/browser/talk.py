"""The page as somebody uses it who sits before it."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from bot.engine.interface import Piece
from tests.bot.api.engine import PieceEngine

IDLE = "#log[aria-busy=false]"
TEXTS = """[...document.querySelectorAll(".message")]
  .map((each) => [each.classList[1], each.querySelector(".body").innerText])"""


class Talk:
    """A page in a browser, its server's address, and the engine that answers.

    Whatever goes wrong in the browser is collected in `faults`; `allowed` are parts of those that a test
    brings about.
    """

    def __init__(self, page: Any, root: str, engine: PieceEngine) -> None:
        self.page, self.root, self.engine = page, root, engine
        self.faults: list[str] = []
        self.allowed: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        page.on("console", lambda said: said.type == "error" and self.faults.append(f"console: {said.text}"))
        page.on("request", lambda request: self._note(request.url))

    async def check(self) -> None:
        """Assert that nothing went wrong in the browser."""
        faults = self.faults + await self.page.evaluate("window.faults ?? []")
        assert not [fault for fault in faults if not any(part in fault for part in self.allowed)]

    async def open(self, path: str = "/") -> None:
        """Open the page, and wait for one of its views."""
        await self.page.goto(self.root + path)
        await self.page.wait_for_selector("main > :is(#login, #gallery, #talk):not([hidden])")

    async def begin(self, name: str = "Mara") -> None:
        """Begin a conversation with a persona from the gallery."""
        if await self.page.is_hidden("#gallery"):
            await self.page.click("#new")
        await self.page.click(f".card:has(strong:text-is({json.dumps(name, ensure_ascii=False)}))")
        await self.page.wait_for_selector("#talk:not([hidden])")
        await self.until("document.title.includes(' · ')")

    def answers(self, *texts: str | Sequence[str]) -> None:
        """Let the engine give these answers next, each whole or in pieces."""
        for text in texts:
            pieces = [text] if isinstance(text, str) else text
            self.engine.scripts.append([Piece(piece) for piece in pieces])

    async def say(self, text: str) -> None:
        """Send a message and wait for the end of its answer."""
        count = await self.page.locator(".message.persona").count()
        await self.page.fill("#input", text)
        await self.page.click("#send")
        await self.until(f"document.querySelectorAll('.message.persona').length > {count}")
        await self.idle()

    async def idle(self) -> None:
        """Wait until nothing is written."""
        await self.page.wait_for_selector(IDLE, state="attached")
        await self.until("!document.querySelector('.writing')")

    async def texts(self) -> list[list[str]]:
        """Return the kind and the words of each message on the page."""
        texts: list[list[str]] = await self.page.evaluate(TEXTS)
        return texts

    async def shows(self, *texts: str) -> None:
        """Wait until the messages on the page have these words."""
        await self.until(f"{TEXTS}.map(([, text]) => text)", list(texts))

    async def until(self, expression: str, value: object = True) -> None:
        """Wait until an expression has a value in the page.

        Playwright's own waiting needs `eval`, which the page's policy forbids.
        """
        found: object = None
        try:
            async with asyncio.timeout(15):
                while (found := await self.page.evaluate(expression)) != value:  # noqa: ASYNC110
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"{expression} is {found!r}, not {value!r}") from None

    async def focused(self) -> str:
        """Return the id, or else the label or words, of what has the focus."""
        script = "(e => e.id || e.getAttribute('aria-label') || e.innerText)(document.activeElement)"
        return str(await self.page.evaluate(script))

    def _note(self, url: str) -> None:
        if not url.startswith((self.root + "/", "data:", "blob:")):
            self.faults.append(f"request elsewhere: {url}")
