"""Several conversations: begun, renamed, deleted, handed to another persona, exported, and drafts of each."""

import pytest

from tests.bot.platforms.web.browser.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def menu(talk: Talk, entry: str) -> None:
    await talk.page.click("#menu-button")
    await talk.page.click(f"#menu [data-text={entry}]")


async def test_each_conversation_keeps_its_messages_and_its_draft(talk: Talk) -> None:
    await talk.begin("Mara")
    talk.answers("Aye.")
    await talk.say("Hello")
    await talk.page.fill("#input", "half a thou")
    first = await talk.page.evaluate("location.hash")
    await talk.begin("Ozzo")
    assert await talk.page.input_value("#input") == ""
    await talk.page.click(f"#conversations a[href='{first}']")
    await talk.shows("Sit, User.", "Hello", "Aye.")
    assert await talk.page.input_value("#input") == "half a thou"
    await talk.page.reload()
    await talk.shows("Sit, User.", "Hello", "Aye.")
    assert await talk.page.input_value("#input") == "half a thou"


async def test_a_conversation_is_renamed_in_the_bar_and_in_the_list(talk: Talk) -> None:
    await talk.begin()
    await menu(talk, "rename")
    await talk.page.fill("dialog input", "The lamp")
    await talk.page.press("dialog input", "Enter")
    await talk.until("document.getElementById('title').textContent === 'The lamp'")
    await talk.until("document.querySelector('#conversations .title').textContent === 'The lamp'")
    assert await talk.page.title() == "The lamp · alterego"


async def test_a_deleted_conversation_is_gone_once_it_is_confirmed(talk: Talk) -> None:
    await talk.begin()
    await menu(talk, "deleteConversation")
    await talk.page.click("dialog .plain")
    await talk.page.wait_for_selector("dialog", state="detached")
    await menu(talk, "deleteConversation")
    await talk.page.click("dialog .danger")
    await talk.page.wait_for_selector("#gallery:not([hidden])")
    assert await talk.page.locator("#conversations li").count() == 0


async def test_another_persona_answers_from_then_on(talk: Talk) -> None:
    await talk.begin("Mara")
    await menu(talk, "switchPersona")
    await talk.page.click("dialog .card:has-text('Ozzo')")
    await talk.until("document.getElementById('name').textContent === 'Ozzo'")
    talk.answers("Ding.")
    await talk.say("Hello")
    assert await talk.page.locator(".message.persona header strong").all_inner_texts() == ["Mara", "Ozzo"]


@pytest.mark.parametrize(("entry", "ending"), [("exportMarkdown", ".md"), ("exportJson", ".json")])
async def test_an_export_is_downloaded(talk: Talk, entry: str, ending: str) -> None:
    await talk.begin()
    await talk.page.click("#menu-button")
    async with talk.page.expect_download() as waiting:
        await talk.page.click(f"#menu [data-text={entry}]")
    download = await waiting.value
    assert download.suggested_filename.endswith(ending)
    assert "Sit, User." in (await download.path()).read_text()


async def test_a_page_that_lost_its_connection_says_so_and_reads_the_conversation_again(talk: Talk) -> None:
    await talk.begin()
    talk.allowed.append("ERR_FAILED")
    await talk.page.route("**/events", lambda route: route.abort())
    await talk.page.reload()
    await talk.page.wait_for_selector(".notice:has-text('The connection is lost.')")
    other = await talk.page.context.new_page()
    await other.goto(talk.page.url)
    await other.wait_for_selector(".message")
    talk.answers("Aye.")
    await other.fill("#input", "From elsewhere")
    await other.press("#input", "Enter")
    await other.wait_for_selector(".message:nth-child(3):has-text('Aye.')")
    await other.close()
    await talk.shows("Sit, User.")
    await talk.page.unroute("**/events")
    await talk.shows("Sit, User.", "From elsewhere", "Aye.")
    await talk.page.wait_for_selector(".notice", state="detached")
