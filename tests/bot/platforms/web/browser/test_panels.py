"""The panels of sampling and beam search, the login, and the weight of the page."""

import gzip
import json

import pytest

from tests.bot.platforms.web.browser.conftest import OpenTalk
from tests.bot.platforms.web.browser.talk import Talk
from tests.paths import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")
ASSETS = ROOT / "bot/platforms/web/assets"
KEY = "a-key-of-twenty-letters"
FIELD = ".field:has(label:text-is('temperature'))"
FIELD_RESET = ".field .extra button"  # the first field is that of the temperature


async def test_a_changed_value_holds_for_the_conversation_until_it_is_reset(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click("#sampling")
    number = talk.page.locator(f"{FIELD} input[type=number]")
    before = await number.input_value()
    await number.fill("0.35")
    await number.press("Tab")
    await talk.until(f'document.querySelector("{FIELD_RESET}").disabled', False)
    assert await talk.page.input_value(f"{FIELD} input[type=range]") == "0.35"
    await talk.page.keyboard.press("Escape")
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.page.click("#sampling")
    assert await number.input_value() == "0.35"
    assert await talk.page.inner_text(f"{FIELD} .extra span") == "from this conversation"
    await talk.page.click(f"{FIELD} .extra button")
    await talk.until(f'document.querySelector("{FIELD_RESET}").disabled')
    assert await number.input_value() == before


async def test_all_values_go_back_to_their_defaults_at_once(talk: Talk) -> None:
    await talk.begin()
    await talk.page.click("#sampling")
    for name in ("temperature", "top p"):
        number = talk.page.locator(f".field:has(label:text-is('{name}')) input[type=number]")
        await number.fill("0.5")
        await number.press("Tab")
    resets = "[...document.querySelectorAll('.field .extra button')].filter((each) => !each.disabled).length"
    await talk.until(resets, 2)
    await talk.page.click("dialog [data-text=resetAll]")
    await talk.until(resets, 0)


async def test_each_value_has_its_help_in_both_languages(talk: Talk) -> None:
    await talk.begin()
    for _ in range(2):
        await talk.page.click("#sampling")
        helps = await talk.page.locator(".field .help").all_inner_texts()
        assert len({*helps}) == 11
        await talk.page.keyboard.press("Escape")
        await talk.page.click("#language")


async def test_beam_search_shows_the_best_so_far_and_says_that_it_may_change(talk: Talk) -> None:
    await talk.begin()
    talk.answers("First.")
    await talk.say("Hello")
    sent: list[object] = []
    talk.page.on("request", lambda asked: asked.url.endswith("/beams") and sent.append(asked.post_data_json))
    await talk.page.click("#beams")
    numbers = talk.page.locator("dialog input[type=number]")
    await numbers.nth(0).fill("3")
    await numbers.nth(1).fill("-1.5")
    await numbers.nth(2).fill("12")
    talk.answers("The likeliest.")
    await talk.page.click("dialog .primary")
    await talk.until("document.querySelector('.message:last-child output').textContent", "2/2")
    await talk.idle()
    assert sent == [{"beams": 3, "length_penalty": -1.5, "max_tokens": 12}]


async def test_the_login_asks_for_the_key_once(open_talk: OpenTalk) -> None:
    talk = await open_talk(key=KEY)
    talk.allowed.append("401")
    await talk.open()
    await talk.page.fill("#key", "another-key-of-letters")
    await talk.page.press("#key", "Enter")
    await talk.until("document.getElementById('login-fault').innerText.length > 10")
    await talk.page.fill("#key", KEY)
    await talk.page.press("#key", "Enter")
    await talk.page.wait_for_selector("#gallery:not([hidden])")
    await talk.page.reload()
    await talk.page.wait_for_selector("#gallery:not([hidden])")
    assert KEY not in json.dumps(await talk.page.evaluate("[{...localStorage}, document.cookie]"))


async def test_a_line_tells_that_the_model_is_loaded_until_it_is_ready(open_talk: OpenTalk) -> None:
    talk = await open_talk()
    talk.engine.state = "loading"
    await talk.open()
    await talk.page.wait_for_selector("#model:has-text('The model is being loaded')")
    talk.engine.state = "ready"
    await talk.page.wait_for_selector("#model", state="hidden")


async def test_the_page_weighs_little(talk: Talk) -> None:
    sizes: dict[str, int] = {}
    for file in ASSETS.rglob("*"):
        if file.is_file() and "owner" not in str(file.relative_to(ASSETS)):
            sizes[file.name] = len(gzip.compress(file.read_bytes()))
    assert len(sizes) > 25
    assert sum(sizes.values()) < 60_000
    loaded = await talk.page.evaluate(
        "performance.getEntriesByType('resource').reduce((sum, each) => sum + each.decodedBodySize, 0)"
    )
    assert loaded < 150_000
