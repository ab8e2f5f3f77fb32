"""A real Chromium at the owner's page, which notes every error of the page's scripts and its policy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bot.platforms.web.owner.conftest import Owner

CHROMIUM = Path("/usr/bin/chromium")
IS_THERE = CHROMIUM.exists()


@dataclass
class Tab:
    """A tab, and what went wrong in it."""

    page: Any
    owner: Owner
    faults: list[str] = field(default_factory=list)

    async def open(self, view: str = "") -> Any:
        """Open a view and wait until something of it is shown."""
        await self.page.goto(f"{self.owner.root}/owner#{view}")
        await self.page.locator("#content > *").first.wait_for()
        return self.page


@asynccontextmanager
async def open_tab(owner: Owner, **context: Any) -> AsyncIterator[Tab]:
    """Open a tab; skip the test where there is no browser."""
    api = pytest.importorskip("playwright.async_api", reason="needs playwright for Python")
    if not IS_THERE:
        pytest.skip(f"needs {CHROMIUM}")
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await (await browser.new_context(**{"locale": "en-GB", **context})).new_page()
        tab = Tab(page, owner)
        page.on("pageerror", lambda error: tab.faults.append(str(error)))
        page.on("console", lambda said: tab.faults.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: tab.faults.append(f"dialog: {dialog.message}"))
        page.set_default_timeout(20_000)
        yield tab
        await browser.close()
