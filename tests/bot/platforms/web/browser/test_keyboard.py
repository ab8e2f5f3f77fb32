"""Everything is done by keyboard alone, and keys without Ctrl or Alt count in the empty input only."""

import asyncio

import pytest

from bot.engine.interface import Piece
from tests.bot.platforms.web.browser.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def press(talk: Talk, *keys: str) -> None:
    for key in keys:
        await talk.page.keyboard.press(key)


async def test_a_whole_talk_is_had_with_the_keyboard(talk: Talk) -> None:
    talk.answers("First.", "Second.", "And more.")
    await talk.until("document.activeElement.className", "card")
    await press(talk, "Enter")
    await talk.until("document.activeElement.id", "input")
    await talk.page.keyboard.type("Hello")
    await press(talk, "Enter")
    await talk.shows("Sit, User.", "Hello", "First.")
    await talk.idle()
    await press(talk, "Control+Enter")
    await talk.shows("Sit, User.", "Hello", "Second.")
    await talk.idle()
    await press(talk, "ArrowLeft")
    await talk.shows("Sit, User.", "Hello", "First.")
    await press(talk, "ArrowRight")
    await talk.shows("Sit, User.", "Hello", "Second.")
    await press(talk, "Alt+Enter")
    await talk.shows("Sit, User.", "Hello", "Second.", "And more.")
    await talk.idle()


async def test_up_edits_the_last_message_and_ctrl_up_the_last_own_one(talk: Talk) -> None:
    await talk.begin()
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.page.focus("#input")
    await press(talk, "ArrowUp")
    await talk.until("document.activeElement.value", "Aye.")
    await press(talk, "Escape")
    await talk.until("document.activeElement.id", "input")
    await press(talk, "Control+ArrowUp")
    await talk.until("document.activeElement.value", "Hello")
    await talk.page.keyboard.type(", you")
    await press(talk, "Control+Enter")
    await talk.shows("Sit, User.", "Hello, you", "Aye.")
    await talk.until("document.activeElement.id", "input")


async def test_arrows_move_in_a_text_that_is_written(talk: Talk) -> None:
    await talk.begin()
    talk.answers("First.", "Second.")
    await talk.say("Hello")
    await talk.page.focus("#input")
    await talk.page.keyboard.type("ac")
    await press(talk, "ArrowLeft")
    await talk.page.keyboard.type("b")
    await press(talk, "ArrowUp", "Shift+Enter")
    assert (await talk.page.input_value("#input")).replace("\n", "") == "abc"
    assert len(talk.engine.generations) == 1


async def test_escape_stops_the_answer(talk: Talk) -> None:
    await talk.begin()
    talk.engine.hold = asyncio.Event()
    talk.engine.scripts.append([Piece("Once ")] * 50)
    await talk.page.fill("#input", "Tell")
    await talk.page.press("#input", "Enter")
    await talk.page.wait_for_selector("#send[data-label=stop]")
    await asyncio.wait_for(talk.engine.holding.wait(), 20)
    await press(talk, "Escape")
    await talk.page.wait_for_selector("#send[data-label=send]")
    assert talk.engine.generations[-1].is_cancelled


@pytest.mark.parametrize("opener", ["#sampling", "#beams", "#keys"])
async def test_a_dialog_keeps_the_focus_and_gives_it_back(talk: Talk, opener: str) -> None:
    await talk.begin()
    await talk.page.focus(opener)
    await press(talk, "Enter")
    await talk.until("document.querySelector('dialog').contains(document.activeElement)")
    for _ in range(40):
        await press(talk, "Tab")
        assert await talk.page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
    await press(talk, "Escape")
    await talk.until("document.activeElement.id", opener[1:])


async def test_each_stop_of_the_tab_key_is_seen(talk: Talk) -> None:
    await talk.begin()
    unseen = """(() => {
      const e = document.activeElement, s = getComputedStyle(e);
      const box = getComputedStyle(e.closest("form") ?? e);
      const near = e.getBoundingClientRect();
      const isBeside = near.right > 0 && near.left < innerWidth;
      const isInView = isBeside && near.bottom > 0 && near.top < innerHeight;
      const isMarked = s.outlineStyle !== "none" || box.boxShadow !== "none";
      const bar = e.closest(".toolbar");
      const isShown = !bar || getComputedStyle(bar).visibility === "visible";
      return isInView && isMarked && isShown ? "" : e.outerHTML;
    })()"""
    stops = set()
    await talk.page.focus(".skip")
    for _ in range(30):
        await press(talk, "Tab")
        if await talk.page.evaluate("document.activeElement === document.body"):
            break
        stops.add(await talk.focused())
        assert await talk.page.evaluate(unseen) == ""
    assert {"input", "sampling", "beams", "new", "language", "theme", "Copy", "Edit", "Delete"} <= stops
