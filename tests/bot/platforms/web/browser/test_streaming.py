"""Tokens as they come: without flicker, and without taking the reader away from what is read."""

import asyncio

import pytest

from bot.engine.interface import Piece
from tests.bot.platforms.web.browser.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")
PARAGRAPH = [*(f"word{number} " for number in range(30)), "\n\n"]
WATCH = """
window.touched = 0;
window.jumps = 0;
const scroller = document.getElementById("scroller");
const closed = (target) => {
  const body = target.closest?.(".writing .body") ?? target.parentElement?.closest(".writing .body");
  return body && target !== body && !body.lastElementChild.contains(target);
};
const everything = { subtree: true, childList: true, characterData: true, attributes: true };
new MutationObserver((all) => all.forEach(({ target }) => closed(target) && (touched += 1)))
  .observe(document.getElementById("log"), everything);
let top_ = scroller.scrollTop;
scroller.addEventListener("scroll", () => {
  if (scroller.scrollTop < top_) jumps += 1;
  top_ = scroller.scrollTop;
});
"""


class Pour:
    """An engine that gives a hundred tokens a second."""

    def __init__(self, talk: Talk) -> None:
        self.engine = talk.engine
        self.engine.hold = asyncio.Event()

    async def run(self, tokens: int) -> None:
        """Let so many tokens through, one each hundredth of a second."""
        assert self.engine.hold
        for _ in range(tokens):
            self.engine.hold.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.engine.hold.clear()
            await asyncio.sleep(0.01)
        self.engine.hold.set()


async def test_closed_blocks_are_never_touched_at_a_hundred_tokens_a_second(talk: Talk) -> None:
    await talk.begin()
    pour = Pour(talk)
    talk.answers(PARAGRAPH * 8)
    await talk.page.evaluate(WATCH)
    await talk.page.fill("#input", "Tell")
    await talk.page.press("#input", "Enter")
    await asyncio.wait_for(talk.engine.holding.wait(), 20)
    await pour.run(len(PARAGRAPH) * 8)
    await talk.until("document.querySelectorAll('.message:last-child .body p').length", 8)
    await talk.idle()
    assert await talk.page.evaluate("[touched, jumps]") == [0, 0]
    assert await talk.page.evaluate("scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2")


async def test_a_reader_who_scrolled_up_stays_there_and_comes_back_by_a_button(talk: Talk) -> None:
    await talk.begin()
    talk.answers(PARAGRAPH * 12)
    await talk.say("Tell")
    talk.engine.hold = asyncio.Event()
    talk.engine.scripts.append([Piece(word) for word in PARAGRAPH * 6])
    await talk.page.fill("#input", "More")
    await talk.page.press("#input", "Enter")
    await talk.page.wait_for_selector(".writing")
    await talk.page.hover("#log")
    await talk.page.mouse.wheel(0, -400)
    await talk.page.wait_for_selector("#to-bottom:not([hidden])")
    place = await talk.page.evaluate("document.getElementById('scroller').scrollTop")
    talk.engine.hold.set()
    await talk.until("document.querySelectorAll('.message:last-child .body p').length", 6)
    await talk.idle()
    assert await talk.page.evaluate("document.getElementById('scroller').scrollTop") == place
    await talk.page.click("#to-bottom")
    await talk.page.wait_for_selector("#to-bottom", state="hidden")
    await talk.until(
        "(s => s.scrollHeight - s.scrollTop - s.clientHeight < 2)(document.getElementById('scroller'))"
    )


async def test_the_layout_does_not_shift_during_a_talk(talk: Talk) -> None:
    await talk.begin()
    talk.answers(PARAGRAPH * 2, "Short.")
    await talk.say("Tell")
    await talk.say("And?")
    assert await talk.page.evaluate("window.layoutShift") < 0.1
