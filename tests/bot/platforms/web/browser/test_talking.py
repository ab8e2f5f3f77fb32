"""A talk on the page: greeting, sending, streaming, swipes, editing, stopping and beginning anew."""

import asyncio

import pytest

from bot.engine.interface import Piece
from tests.bot.platforms.web.browser.conftest import OpenTalk
from tests.bot.platforms.web.browser.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_gallery_shows_each_persona_and_the_chosen_one_greets(talk: Talk) -> None:
    names = await talk.page.locator(".card strong").all_inner_texts()
    faces = await talk.page.locator(".card .face").all_inner_texts()
    assert (names, faces) == (["Mara", "Ozzo"], ["M", "O"])
    await talk.begin("Mara")
    await talk.shows("Sit, User.")
    assert await talk.page.inner_text("#name") == "Mara"


async def test_an_answer_comes_below_the_message_and_the_title_of_the_page_names_the_talk(talk: Talk) -> None:
    await talk.begin()
    talk.answers("*nods* Aye.")
    await talk.say("Good evening")
    await talk.shows("Sit, User.", "Good evening", "nods Aye.")
    assert [kind for kind, _ in await talk.texts()] == ["persona", "own", "persona"]


async def test_an_answer_grows_while_it_is_written_and_its_row_stays(talk: Talk) -> None:
    await talk.begin()
    talk.engine.hold = asyncio.Event()
    talk.answers(["One ", "two."])
    await talk.page.fill("#input", "Count")
    await talk.page.press("#input", "Enter")
    await talk.page.wait_for_selector(".writing")
    assert await talk.page.get_attribute("#log", "aria-busy") == "true"
    await talk.page.evaluate("window.row = document.querySelector('.writing')")
    talk.engine.hold.set()
    await talk.shows("Sit, User.", "Count", "One two.")
    await talk.idle()
    assert await talk.page.evaluate("window.row === document.querySelector('.message:last-child')")


async def test_screen_readers_hear_one_status_at_the_end(talk: Talk) -> None:
    await talk.begin()
    await talk.page.evaluate(
        "heard = []; new MutationObserver(() => heard.push(document.getElementById('status').textContent))"
        ".observe(document.getElementById('status'), {childList: true, subtree: true, characterData: true})"
    )
    talk.answers(["One ", "two ", "three."])
    await talk.say("Count")
    assert await talk.page.evaluate("heard") == ["Mara is writing", "Mara: One two three."]
    assert await talk.page.get_attribute("#log", "aria-live") == "off"


async def test_arrows_show_other_answers_with_a_counter(talk: Talk) -> None:
    await talk.begin()
    talk.answers("First.", "Second.")
    await talk.say("Hello")
    counter = talk.page.locator(".message:last-child output")
    assert await counter.inner_text() == "1/1"
    await talk.page.click(".message:last-child .swipes button >> nth=1")
    await talk.shows("Sit, User.", "Hello", "Second.")
    await talk.idle()
    assert await counter.inner_text() == "2/2"
    await talk.page.click(".message:last-child .swipes button >> nth=0")
    await talk.shows("Sit, User.", "Hello", "First.")
    assert await counter.inner_text() == "1/2"
    await talk.page.click(".message:last-child .swipes button >> nth=1")
    await talk.shows("Sit, User.", "Hello", "Second.")
    assert len(talk.engine.generations) == 2


async def test_another_answer_comes_in_the_row_of_the_one_before(talk: Talk) -> None:
    await talk.begin()
    talk.answers("First.", "Second.")
    await talk.say("Hello")
    await talk.page.evaluate("window.row = document.querySelector('.message:last-child')")
    await talk.page.click(".message:last-child [data-label=again]")
    await talk.shows("Sit, User.", "Hello", "Second.")
    await talk.idle()
    assert await talk.page.evaluate("row === document.querySelector('.message:last-child')")


async def test_an_arrow_at_the_greeting_shows_the_next_greeting(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click(".message:last-child .swipes button >> nth=1")
    await talk.shows("Door's open, User.")
    await talk.idle()
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.shows("Door's open, User.", "Hello", "Aye.")


async def test_a_finger_to_the_left_asks_for_another_answer(open_talk: OpenTalk) -> None:
    talk = await open_talk(has_touch=True)
    await talk.open()
    await talk.begin()
    talk.answers("First.", "Second.")
    await talk.say("Hello")
    touch = """([from, to]) => {
      const target = document.querySelector(".message:last-child .body");
      const at = (clientX) => new Touch({ identifier: 1, target, clientX, clientY: 300 });
      const send = (kind, touches, changedTouches) =>
        target.dispatchEvent(new TouchEvent(kind, { bubbles: true, touches, changedTouches }));
      send("touchstart", [at(from)], [at(from)]);
      send("touchend", [], [at(to)]);
    }"""
    await talk.page.evaluate(touch, [400, 250])
    await talk.shows("Sit, User.", "Hello", "Second.")
    await talk.idle()
    await talk.page.evaluate(touch, [250, 400])
    await talk.shows("Sit, User.", "Hello", "First.")


async def test_an_edited_message_has_its_new_words_after_a_reload_too(talk: Talk) -> None:
    await talk.begin()
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.page.locator(".message.own").hover()
    await talk.page.click(".message.own [data-label=edit]")
    await talk.page.fill(".editor-text", "Good evening")
    await talk.page.click(".editor .primary")
    await talk.shows("Sit, User.", "Good evening", "Aye.")
    await talk.page.reload()
    await talk.shows("Sit, User.", "Good evening", "Aye.")


async def test_a_message_is_deleted_once_it_is_confirmed(talk: Talk) -> None:
    await talk.begin()
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.page.click(".message:last-child [data-label=delete]")
    await talk.page.click("dialog .plain")
    await talk.shows("Sit, User.", "Hello", "Aye.")
    await talk.page.click(".message:last-child [data-label=delete]")
    await talk.page.click("dialog .danger")
    await talk.shows("Sit, User.", "Hello")


async def test_a_message_is_copied_as_it_was_written(talk: Talk) -> None:
    await talk.begin()
    talk.answers("*nods* Aye.")
    await talk.say("Hello")
    await talk.page.click(".message:last-child [data-label=copy]")
    await talk.page.wait_for_selector(".notice")
    assert await talk.page.evaluate("navigator.clipboard.readText()") == "*nods* Aye."


async def test_code_is_copied_without_its_fence(talk: Talk) -> None:
    await talk.begin()
    talk.answers("```py\nx = 1\n```")
    await talk.say("Hello")
    await talk.page.click("[data-label=copyCode]")
    await talk.page.wait_for_selector(".notice")
    assert await talk.page.evaluate("navigator.clipboard.readText()") == "x = 1"


async def test_continue_goes_on_below_the_last_answer(talk: Talk) -> None:
    await talk.begin()
    talk.answers("Once upon", " a time.")
    await talk.say("Tell")
    await talk.page.click(".message:last-child [data-label=continue]")
    await talk.shows("Sit, User.", "Tell", "Once upon", "a time.")


async def test_stop_keeps_what_was_written_and_the_button_sends_again(talk: Talk) -> None:
    await talk.begin()
    talk.engine.hold = asyncio.Event()
    talk.engine.scripts.append([Piece("Once ")] * 5000)
    await talk.page.fill("#input", "Tell")
    await talk.page.press("#input", "Enter")
    stop = talk.page.locator("#send[data-label=stop]")
    await stop.wait_for()
    talk.engine.hold.set()
    await talk.until("document.querySelector('.writing .body')?.innerText.includes('Once Once') ?? false")
    await stop.click()
    await talk.idle()
    assert (await talk.texts())[-1][1].startswith("Once Once")
    assert talk.engine.generations[-1].is_cancelled
    await talk.page.wait_for_selector("#send[data-label=send]")


async def test_begin_anew_leaves_the_greeting_alone(talk: Talk) -> None:
    await talk.begin()
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.page.click("#menu-button")
    await talk.page.click("#menu [data-text=beginAnew]")
    await talk.page.click("dialog .danger")
    await talk.until("document.querySelectorAll('.message').length === 1")
    assert (await talk.texts())[0][1] in ("Sit, User.", "Door's open, User.")


async def test_an_error_of_the_server_is_a_notice_that_can_be_closed(talk: Talk) -> None:
    await talk.begin()
    await talk.page.route("**/messages", lambda route: route.abort())
    talk.allowed.append("ERR_FAILED")
    await talk.page.fill("#input", "Hello")
    await talk.page.press("#input", "Enter")
    notice = talk.page.locator(".notice")
    assert (
        await notice.inner_text() == "alterego does not answer. Look whether it still runs, then try again."
    )
    assert await talk.page.input_value("#input") == "Hello"
    await notice.locator("button").click()
    assert await notice.count() == 0
    await talk.shows("Sit, User.")


async def test_a_message_that_is_too_long_is_told_before_it_is_sent(talk: Talk) -> None:
    await talk.begin()
    await talk.page.fill("#input", "a" * 16_001)
    await talk.page.press("#input", "Enter")
    assert await talk.page.inner_text("#hint") == "16001 of 16000 characters: shorten the message to send it."
    await talk.shows("Sit, User.")
