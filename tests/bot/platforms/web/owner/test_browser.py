"""The owner's page in a real Chromium: flows by pointer and keyboard, in both languages and themes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.platforms.web.owner.browser import Tab, open_tab
from tests.bot.platforms.web.owner.conftest import OpenOwner, Owner
from tests.fixtures.making import write_export

ROOM = "places/test%2Fbot%2Froom"


@pytest.fixture
async def tab(owner: Owner) -> AsyncIterator[Tab]:
    async with open_tab(owner) as opened:
        yield opened
        assert opened.faults == []


async def shows(page: Any, text: str) -> None:
    await page.get_by_text(text).first.wait_for()


async def test_the_overview_follows_the_engine(tab: Tab) -> None:
    page = await tab.open("overview")
    answered = page.locator("dt:has-text('Answers since the start') + dd")
    await answered.filter(has_text="0").wait_for()
    await tab.owner.say("Is the light lit?", 1)
    await answered.filter(has_text="1").wait_for()
    points = await page.locator("[data-number=lag] polyline").get_attribute("points")
    assert len(points.split()) >= 2


async def test_a_setting_of_a_place_is_changed_and_told_with_its_source(tab: Tab) -> None:
    await tab.owner.say("Is the light lit?", 1)
    page = await tab.open("places")
    await page.get_by_role("link", name="test/bot/room").click()
    await page.get_by_label("temperature").fill("1.3")
    await page.locator("[data-value=temperature] button").click()
    await shows(page, "temperature is 1.3 for this chat.")
    await shows(page, "this chat: 0 takes the likeliest words")
    await page.get_by_label("temperature").fill("99")
    await page.locator("[data-value=temperature] button").click()
    await shows(page, "less than or equal to 5")
    tab.faults.clear()  # the browser notes the refusal


async def test_a_place_is_erased_once_its_name_is_typed(tab: Tab) -> None:
    await tab.owner.say("Is the light lit?", 1)
    page = await tab.open(ROOM)
    await page.get_by_role("button", name="Erase").click()
    await page.get_by_label("Place", exact=True).fill("test/bot/room")
    await page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    await shows(page, "2 messages are erased.")
    assert await tab.owner.memory.places() == ()


async def test_older_messages_come_when_they_are_asked_for(tab: Tab) -> None:
    for number in range(30):
        await tab.owner.say(f"line {number}", number)
    page = await tab.open(ROOM)
    await shows(page, "Answer 30.")
    assert await page.locator(".stored li").count() == 50
    await page.get_by_role("button", name="Older messages").click()
    await shows(page, "Answer 1.")
    assert await page.locator(".stored li").count() == 60


async def test_a_card_is_edited_and_the_prompt_shows_what_is_not_saved(tab: Tab) -> None:
    page = await tab.open("personas/mara")
    await page.get_by_label("Description").fill("Keeps nine lights.")
    await page.get_by_role("link", name="Prompt").click()
    await page.get_by_role("button", name="Show the prompt").click()
    await shows(page, "Keeps nine lights.")
    assert await page.locator("mark").first.text_content() == "<|im_start|>"
    assert tab.owner.chat.cast.personas["mara"].card.description == "Keeps a light."
    await page.get_by_role("link", name="Card").click()
    await page.get_by_role("button", name="Save").click()
    await shows(page, "Saved.")
    assert tab.owner.chat.cast.personas["mara"].card.description == "Keeps nine lights."


async def test_a_refused_card_stays_as_it_was_typed(tab: Tab) -> None:
    page = await tab.open("personas/mara")
    await page.get_by_label("Name", exact=True).fill("")
    await page.get_by_role("button", name="Save").click()
    await shows(page, "it has no name")
    assert await page.get_by_label("Name", exact=True).input_value() == ""
    assert tab.owner.chat.cast.personas["mara"].name == "Mara"
    tab.faults.clear()


async def test_keys_of_the_file_are_set_and_left_out_again(tab: Tab) -> None:
    for text, temperature in (("0.4", 0.4), ("", 0.8)):
        page = await tab.open("personas/mara/keys")
        await page.get_by_label("temperature").fill(text)
        await page.get_by_role("button", name="Save").click()
        async with asyncio.timeout(20):
            while tab.owner.chat.cast.personas["mara"].sampling.temperature != temperature:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await page.reload()
        assert await page.get_by_label("temperature").input_value() == text


async def test_a_new_persona_is_made_by_keyboard_alone(tab: Tab) -> None:
    page = await tab.open("personas")
    await page.get_by_role("button", name="New persona").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("lin")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Lin")
    await page.keyboard.press("Enter")
    await page.locator("#name", has_text="Lin").wait_for()
    assert tab.owner.chat.cast.personas["lin"].name == "Lin"


async def test_an_export_is_imported_and_a_page_that_comes_back_shows_it(tab: Tab, tmp_path: Path) -> None:
    page = await tab.open("training")
    await page.locator("input[type=file]").set_input_files(write_export(tmp_path / "chat.txt"))
    await shows(page, "An export of")
    await page.get_by_label("Their name in the export").fill("Mara")
    await page.get_by_role("button", name="1 · Import").click()
    await page.locator(".state", has_text="Done").wait_for(timeout=60_000)
    await page.reload()
    await shows(page, "Next: python -m training build --persona mara")
    assert (await page.locator(".command code").text_content()).startswith("python -m training --config ")


async def test_the_key_is_asked_for_once(open_owner: OpenOwner) -> None:
    owner = await open_owner(key="secret")
    async with open_tab(owner) as tab:
        page = tab.page
        await page.goto(f"{owner.root}/owner")
        await page.get_by_label("Key").fill("secret")
        await page.keyboard.press("Enter")
        await shows(page, "Answers since the start")


HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>\u202e"


async def test_hostile_words_are_words_in_every_view(tab: Tab) -> None:
    owner = tab.owner
    await owner.say(HOSTILE, 1, name=HOSTILE)
    await owner.save("card", {"name": HOSTILE[:90], "description": HOSTILE, "tags": [HOSTILE]})
    await owner.save("keys", {"names": [HOSTILE[:90]]})
    run = owner.mara / "work/runs/0001"
    run.mkdir(parents=True)
    (run / "plan.json").write_text('{"device": "<img src=x onerror=window.hacked=1>"}')
    (owner.mara / "report.json").write_text(
        '{"style": {"<img src=x onerror=window.hacked=1>": {}}, "exceeded": ["<b>"]}'
    )
    (owner.settings.personas / "<img src=x onerror=window.hacked=1>").mkdir()
    await owner.chat.reload_personas("")
    views = [
        "overview",
        "places",
        ROOM,
        "personas",
        *(f"personas/mara/{tab}" for tab in ("card", "keys", "prompt", "adapters")),
        "training",
    ]
    for view in views:
        page = await tab.open(view)
        if view.endswith("prompt"):
            await page.get_by_role("button", name="Show the prompt").click()
            await page.locator(".parts").wait_for()
        assert await page.evaluate("window.hacked === undefined")
        assert await page.locator("main img[src=x], main script, main b b").count() == 0
    assert await page.evaluate("window.hacked === undefined")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_narrow_page_fits_and_its_text_can_be_read(owner: Owner, scheme: str) -> None:
    await owner.say("Is the light lit?", 1)
    async with open_tab(owner, viewport={"width": 360, "height": 740}, color_scheme=scheme) as tab:
        for view in ("overview", "places", ROOM, "personas", "personas/mara/keys", "training"):
            page = await tab.open(view)
            widths = "[document.documentElement.scrollWidth, document.getElementById('content').scrollWidth]"
            assert max(await page.evaluate(widths)) <= 360, view
        assert await page.evaluate(CONTRAST) >= 4.5
        assert tab.faults == []


async def test_the_page_speaks_chinese(owner: Owner) -> None:
    async with open_tab(owner, locale="zh-CN") as tab:
        page = await tab.open("overview")
        await shows(page, "总览")
        assert await page.evaluate(UNTRANSLATED) == []
        await page.get_by_role("button", name="English").click()
        await shows(page, "Tokens a second")


UNTRANSLATED = """() => [...document.querySelectorAll("[data-text]")]
  .filter((each) => each.textContent === each.dataset.text).map((each) => each.dataset.text)"""
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((each) => each / 255)
      .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const panel = getComputedStyle(document.querySelector(".panel")).backgroundColor;
  const text = getComputedStyle(document.querySelector(".help")).color;
  const [low, high] = [light(panel), light(text)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""
