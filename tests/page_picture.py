"""Draw README's picture of the page: invented words in a real Chromium, on the real server.

`python -m tests.page_picture` writes docs/images/page.png.
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from bot.persona.persona import load_cast
from tests.bot.platforms.web.browser.conftest import CHROMIUM, opened_talks
from tests.bot.platforms.web.browser.talk import Talk
from tests.paths import ROOT

SIZE = {"width": 1280, "height": 720}
PICTURE = ROOT / "docs/images/page.png"
SEA = (
    '*consults a very small telescope* "On the second floor, esteemed guest, between the library and the '
    'laundry." It came in with the night tram and has asked for a late breakfast. Before you visit it:\n\n'
    "1. Take the **blue** umbrella; the red one bites.\n2. Ring seven times.\n"
    "3. Do not tip the waves. *They get ideas.*"
)
TALKS = {
    "小满": [("下雨了，还开着门吗？", "*把灯拧亮了一点* 「雨天才是书店的时候。」进来吧。")],
    "Mara": [("Is the kettle on?", '*nods at the stove* "It has been singing since the tide turned."')],
    "Ozzo": [("And where is the sea this morning?", SEA)],
}


async def have(talk: Talk, name: str, turns: list[tuple[str, str]]) -> None:
    await talk.begin(name)
    for said, answer in turns:
        talk.answers(answer)
        await talk.say(said)


async def draw() -> None:
    personas = load_cast(ROOT / "personas").personas.values()
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            async with opened_talks(Path(folder), browser) as open_one:
                talk = await open_one(
                    *personas, viewport={"width": 1280, "height": 760}, color_scheme="light"
                )
                await talk.open()
                for name, turns in TALKS.items():
                    await have(talk, name, turns)
                talk.answers(SEA)
                await talk.page.click(".message:last-child [data-label=again]")
                await talk.until("document.querySelector('.message:last-child output').textContent", "2/2")
                await talk.idle()
                await talk.page.focus("#input")
                await talk.page.mouse.move(5, 5)
                await talk.page.screenshot(path=PICTURE, animations="disabled")
            await browser.close()


if __name__ == "__main__":
    asyncio.run(draw())
