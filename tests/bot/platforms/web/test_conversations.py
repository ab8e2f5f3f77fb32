"""Conversations of the page: begun, listed, named, said in, swiped, changed, exported and erased."""

import json
import re
from dataclasses import replace

import pytest

from bot.engine.interface import MAX_BEAMS
from bot.persona.persona import Cast
from tests.bot.platforms.web.conftest import OpenPage, Page
from tests.conftest import MARA

SCRIPT = '<script>alert(1)</script><img src=x onerror="alert(1)">'


async def test_a_new_conversation_has_a_long_id_and_begins_with_the_greeting(page: Page) -> None:
    id = await page.begin()
    body = await page.read(id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{16,}", id)
    assert [(m["author"], m["persona"], m["text"]) for m in body["messages"]] == [
        ("Mara", "mara", "Sit, User.")
    ]
    assert (body["persona"], body["title"], body["busy"], body["seed"]) == ("mara", "", False, None)


async def test_conversations_are_listed_newest_first_with_the_first_words_as_title(page: Page) -> None:
    first, second = await page.begin(), await page.begin("ozzo")
    await page.say(first, "Is the  light lit?")
    _, body = await page.ask("GET", "/page/conversations")
    listed = [(c["id"], c["persona"], c["title"], c["messages"]) for c in body["conversations"]]
    assert listed == [(first, "mara", "Is the light lit?", 3), (second, "ozzo", "", 0)]


async def test_a_title_that_somebody_gives_stays_until_it_is_empty(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    for title, shown in (("My  lamp", "My lamp"), ("", "Hello")):
        _, body = await page.ask("PATCH", f"/page/conversations/{id}", {"title": title})
        assert body["title"] == shown


async def test_another_persona_answers_once_it_is_chosen(page: Page) -> None:
    id = await page.begin()
    await page.ask("PATCH", f"/page/conversations/{id}", {"persona": "ozzo"})
    await page.say(id, "Hello")
    assert [m["persona"] for m in (await page.read(id))["messages"]] == ["mara", None, "ozzo"]


async def test_a_message_is_answered(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    assert await page.texts(id) == ["Sit, User.", "Hello", "Answer 1."]


async def test_again_makes_a_swipe_and_one_can_go_back(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    await page.do(id, "again")
    last = (await page.read(id))["messages"][-1]
    assert (last["text"], last["swipes"]) == ("Answer 2.", {"index": 1, "count": 2})
    await page.do(id, "swipe", {"index": 0})
    last = (await page.read(id))["messages"][-1]
    assert (last["text"], last["swipes"]) == ("Answer 1.", {"index": 0, "count": 2})
    await page.say(id, "Well?")
    assert "Answer 1." in page.engine.prompts()[-1]
    assert "Answer 2." not in page.engine.prompts()[-1]


async def test_again_after_a_swipe_back_adds_a_third(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    await page.do(id, "again")
    await page.do(id, "swipe", {"index": 0})
    await page.do(id, "again")
    last = (await page.read(id))["messages"][-1]
    assert (last["text"], last["swipes"]) == ("Answer 3.", {"index": 2, "count": 3})


async def test_again_goes_round_the_greetings_without_a_copy(page: Page) -> None:
    id = await page.begin()
    seen = []
    for _ in range(3):
        await page.do(id, "again")
        message = (await page.read(id))["messages"][-1]
        seen.append((message["text"], message["swipes"]["count"]))
    assert seen == [("Door's open, User.", 2), ("Sit, User.", 2), ("Door's open, User.", 2)]


async def test_again_answers_a_message_whose_answer_was_removed(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    answer = (await page.read(id))["messages"][-1]["id"]
    await page.do(id, f"messages/{answer}", method="DELETE")
    await page.do(id, "again")
    assert await page.texts(id) == ["Sit, User.", "Hello", "Answer 2."]


async def test_continue_adds_a_message(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    await page.do(id, "continue")
    assert await page.texts(id) == ["Sit, User.", "Hello", "Answer 1.", "Answer 2."]


async def test_reset_begins_with_the_greeting_and_prompts_leave_the_rest_out(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "A secret word")
    await page.do(id, "reset")
    assert await page.texts(id) == ["Sit, User."]
    await page.say(id, "Hello")
    assert "secret" not in page.engine.prompts()[-1]


async def test_everybodys_words_can_be_edited(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    for message in (await page.read(id))["messages"]:
        await page.do(id, f"messages/{message['id']}", {"text": f"{message['text']} Now."}, "PATCH")
    assert await page.texts(id) == ["Sit, User. Now.", "Hello Now.", "Answer 1. Now."]


async def test_an_answer_is_erased_with_its_swipes(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    await page.do(id, "again")
    answer = (await page.read(id))["messages"][-1]["id"]
    await page.do(id, f"messages/{answer}", method="DELETE")
    exported = await page.memory.export("local")
    assert [row["text"] for row in exported["answers"]] == ["Sit, User."]
    assert await page.texts(id) == ["Sit, User.", "Hello"]


async def test_the_export_of_a_person_has_swipes_and_titles_and_erasing_leaves_nothing(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    await page.do(id, "again")
    await page.ask("PATCH", f"/page/conversations/{id}", {"title": "My lamp"})
    exported = await page.memory.export("local")
    assert [row["text"] for row in exported["answers"]] == ["Sit, User.", "Answer 1.", "Answer 2."]
    assert "My lamp" in [row["value"] for row in exported["settings"]]
    await page.memory.erase_author("local")
    assert await page.memory.export("local") == {"messages": [], "quoted": [], "settings": [], "answers": []}
    assert (await page.ask("GET", "/page/conversations"))[1] == {"conversations": []}


async def test_an_erased_conversation_leaves_no_byte(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Zanzibarwort")
    assert (await page.ask("DELETE", f"/page/conversations/{id}"))[0] == 200
    assert await page.code("GET", f"/page/conversations/{id}") == (404, "unknown_conversation")
    files = [file for file in page.memory.path.parent.rglob("*") if file.is_file()]
    assert files
    assert not any(b"Zanzibarwort" in file.read_bytes() for file in files)


async def test_sampling_is_changed_and_given_back_with_its_source(page: Page) -> None:
    id = await page.begin()
    body = await page.do(id, "sampling", {"temperature": 1.5, "rounds": "all", "seed": 7}, "PUT")
    values = {each["name"]: (each["value"], each["from"]) for each in body["sampling"]}
    assert (values["temperature"], values["rounds"]) == ((1.5, "this chat"), ("all", "this chat"))
    assert (values["top_p"], body["seed"]) == ((0.95, "default"), 7)
    await page.say(id, "Hello")
    request = page.engine.requests[-1]
    assert (request.sampling.temperature, request.seed) == (1.5, 7)
    body = await page.do(id, "sampling", {"temperature": None, "seed": None}, "PUT")
    values = {each["name"]: (each["value"], each["from"]) for each in body["sampling"]}
    assert (values["temperature"], body["seed"]) == ((0.8, "default"), None)


async def test_of_values_that_do_not_fit_together_none_is_taken(page: Page) -> None:
    id = await page.begin()
    path = f"/page/conversations/{id}/sampling"
    assert await page.code("PUT", path, {"top_k": 5, "temperature": 99}) == (400, "refused")
    values = {each["name"]: each["value"] for each in (await page.read(id))["sampling"]}
    assert (values["top_k"], values["temperature"]) == (0, 0.8)


@pytest.mark.parametrize("body", [{"heat": 1}, {"top_k": [1]}, {"top_k": True}, {"seed": -1}, {"seed": "x"}])
async def test_a_value_that_is_none_is_refused(page: Page, body: object) -> None:
    id = await page.begin()
    assert await page.code("PUT", f"/page/conversations/{id}/sampling", body) == (400, "invalid_value")


async def test_a_search_by_beams_is_a_swipe_with_the_places_own_prompt(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    await page.do(id, "beams", {"beams": 4, "length_penalty": -1, "max_tokens": 9})
    drawn, searched = page.engine.requests
    assert searched.ids == drawn.ids
    told = (searched.beams, searched.length_penalty, searched.sampling.max_tokens)
    assert told == (4, -1.0, 9)
    assert (await page.read(id))["messages"][-1]["swipes"] == {"index": 1, "count": 2}


@pytest.mark.parametrize("body", [{"beams": 1}, {"beams": MAX_BEAMS + 1}, {"beams": 2, "length_penalty": 99}])
async def test_a_search_beyond_its_bounds_is_refused(page: Page, body: object) -> None:
    id = await page.begin()
    assert await page.code("POST", f"/page/conversations/{id}/beams", body) == (400, "invalid_value")


async def test_beams_need_something_to_answer(page: Page) -> None:
    id = await page.begin()
    assert await page.code("POST", f"/page/conversations/{id}/beams", {"beams": 2}) == (409, "nothing")


async def test_an_export_in_markdown_is_safe_for_names_with_marks(open_page: OpenPage) -> None:
    name = "**Mara** <b>[x](y)"
    mara = replace(MARA, card=MARA.card.model_copy(update={"name": name, "first_mes": f"# Hi\n{SCRIPT}"}))
    page = await open_page(cast=Cast({"mara": mara}, {}))
    id = await page.begin()
    async with page.client.get(f"{page.root}/page/conversations/{id}/export") as response:
        text, kind = await response.text(), response.headers["Content-Disposition"]
    head, _, said = text.partition("\n\n")
    assert re.fullmatch(r'attachment; filename="alterego-[0-9-]{10}-[\w-]*\.md"', kind)
    assert head.startswith(r"**\*\*Mara\*\* \<b\>\[x\]\(y\)** · 20")
    assert said == '> # Hi\n> &lt;script>alert(1)&lt;/script>&lt;img src=x onerror="alert(1)">\n'


async def test_an_export_in_json_has_every_message(page: Page) -> None:
    id = await page.begin()
    await page.say(id, SCRIPT)
    async with page.client.get(f"{page.root}/page/conversations/{id}/export?format=json") as response:
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        body = json.loads(await response.text())
    assert [message["text"] for message in body["messages"]] == ["Sit, User.", SCRIPT, "Answer 1."]


async def test_stored_script_comes_back_as_json_alone(page: Page) -> None:
    id = await page.begin()
    await page.say(id, SCRIPT)
    async with page.client.get(f"{page.root}/page/conversations/{id}") as response:
        assert response.content_type == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert (await response.json())["messages"][1]["text"] == SCRIPT
