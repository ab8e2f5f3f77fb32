"""A persona's Markdown on Telegram: entities in messages, edits and drafts, and plain text where refused."""

from typing import Any

import pytest

from tests.fakes.telegram.text import part
from tests.fakes.telegram_server import TelegramServer, refuse
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]

CASE = "**Bold** and `code`\n```py\nx = 1\n```\n[link](https://a.example/b)"
CASE_TEXT = "Bold and code\nx = 1\nlink"
CASE_ENTITIES = [
    {"type": "bold", "offset": 0, "length": 4},
    {"type": "code", "offset": 9, "length": 4},
    {"type": "pre", "offset": 14, "length": 5, "language": "py"},
    {"type": "text_link", "offset": 20, "length": 4, "url": "https://a.example/b"},
]


def kinds(text: str, entities: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The type and the characters of each entity."""
    return [(entity["type"], part(text, entity)) for entity in entities]


@pytest.mark.parametrize(
    "case",
    ["nalgeon/pokitoki#33", "AstrBotDevs/AstrBot#907", "nearai/ironclaw#7072", "rikkichy/ollama-telegram#64"],
)
async def test_marks_become_entities_in_one_call_without_a_parse_mode(bot: Bot, case: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append(CASE)
    bot.fake.say(chat, ana, "Show me")
    await bot.sees_exactly(chat, CASE_TEXT)
    (message,) = bot.fake.sent(chat)
    assert message.entities == CASE_ENTITIES
    assert message.call["entities"] == CASE_ENTITIES
    assert "parse_mode" not in message.call
    assert bot.fake.refusals == []
    assert await bot.history(chat) == ["Ana: Show me", f"Mara: {CASE}"]


async def test_entities_count_utf_16_and_stand_behind_the_name_line(
    cold: Bot, telegram: TelegramServer
) -> None:
    both(cold)
    await cold.start()
    ana = telegram.user("Ana")
    group = telegram.group("Harbour", ana)
    cold.engine.script.append("😀 **two 😀** *three*")
    telegram.say(group, ana, "@lamp_bot hi")
    await cold.sees_exactly(group, "Mara\n😀 two 😀 three")
    (message,) = telegram.sent(group)
    assert message.entities == [
        {"type": "bold", "offset": 0, "length": 4},
        {"type": "bold", "offset": 8, "length": 6},
        {"type": "italic", "offset": 15, "length": 5},
    ]


async def test_drafts_show_formats_and_never_a_mark(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.delay = 0.02
    bot.engine.script.append("*waves* and says **a few words more** about `some code here` now")
    bot.fake.say(chat, ana, "Hi")
    await bot.sees_exactly(chat, "waves and says a few words more about some code here now")
    drafts = [draft for draft in bot.fake.drafts(chat) if draft.text]
    assert len(drafts) > 2
    assert not any(set("*`") & set(draft.text) for draft in drafts)
    assert all(draft.entities and draft.entities[0]["type"] == "italic" for draft in drafts)


async def test_a_groups_message_keeps_its_formats_while_it_grows(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.delay = 0.02
    bot.engine.script.append("**" + " ".join(f"word{n}" for n in range(40)) + "** end")
    bot.fake.say(group, ana, "@lamp_bot count")
    await bot.fake.until(lambda: any(text.endswith(" end") for text in bot.fake.visible(group)))
    await bot.quiet()
    edits = [call.arguments for call in bot.fake.called("editMessageText")]
    shown = [bot.fake.sent(group)[0].call, *edits]
    assert len(shown) > 2
    assert all("*" not in call["text"] and call["entities"][0]["type"] == "bold" for call in shown)


async def test_formats_that_telegram_refuses_arrive_as_plain_text_with_addresses(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append(CASE)
    bot.fake.fail("sendMessage", refuse(400, "can't parse entities: no reason"))
    bot.fake.fail("sendMessageDraft", refuse(400, "can't parse entities: no reason"), times=None)
    bot.fake.say(chat, ana, "Show me")
    await bot.sees_exactly(chat, f"{CASE_TEXT} (https://a.example/b)")
    assert bot.fake.sent(chat)[0].call["entities"] == []


async def test_an_edit_with_formats_that_telegram_refuses_is_plain(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.delay = 0.02
    text = " ".join(f"word{n}" for n in range(20))
    bot.engine.script.append(f"{text} **end**")
    bot.fake.fail("editMessageText", refuse(400, "ENTITY_BOUNDS_INVALID"), times=None)
    bot.fake.say(group, ana, "@lamp_bot count")
    await bot.fake.until(lambda: bot.fake.visible(group)[-1:] == [f"{text} end"])
    await bot.quiet()
    assert bot.fake.visible(group) == [f"{text} end"]


async def test_a_long_answer_keeps_its_formats_over_messages(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    code = "\n".join(f"line_{number} = {number} * {number}" for number in range(400))
    bot.engine.script.append(f"**{'word ' * 900}end**\n```py\n{code}\n```")
    bot.fake.say(chat, ana, "Go on")
    await bot.fake.until(lambda: any("line_399" in text for text in bot.fake.visible(chat)))
    await bot.quiet()
    messages = bot.fake.sent(chat)
    found = [pair for message in messages for pair in kinds(message.text, message.entities)]
    bold = " ".join(text for kind, text in found if kind == "bold")
    pre = [text for kind, text in found if kind == "pre"]
    assert bold.split() == f"{'word ' * 900}end".split()
    assert len(pre) > 1
    assert "\n".join(pre).split("\n") == code.split("\n")
    assert all(e.get("language") == "py" for m in messages for e in m.entities if e["type"] == "pre")


async def test_more_than_a_hundred_formats_are_split_and_none_is_dropped(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append(" ".join(f"*a{number}*" for number in range(250)))
    bot.fake.say(chat, ana, "Go on")
    await bot.fake.until(lambda: any("a249" in text for text in bot.fake.visible(chat)))
    await bot.quiet()
    messages = bot.fake.sent(chat)
    found = [pair for message in messages for pair in kinds(message.text, message.entities)]
    assert found == [("italic", f"a{number}") for number in range(250)]
    assert bot.fake.refusals == []


async def test_parts_left_by_an_ended_process_keep_their_formats(cold: Bot, telegram: TelegramServer) -> None:
    await cold.start()
    ana = telegram.user("Ana")
    chat = telegram.private(ana)
    cold.engine.script.append("**bold**")
    telegram.fail("sendMessage", refuse(500, "Internal"), times=None)
    telegram.say(chat, ana, "hi")
    await telegram.until(lambda: telegram.called("sendMessage"))
    (left,) = await cold.memory.unsent("telegram", cold.place(chat).account)
    assert (left.text, [(span.kind, span.start, span.end) for span in left.spans]) == (
        "bold",
        [("bold", 0, 4)],
    )
    await cold.memory.sent(left.key, "1")
    (kept,) = [row async for row in _outbox(cold)]
    assert kept == ("", "")


async def _outbox(bot: Bot) -> Any:
    rows = await bot.memory._database.run(
        lambda inside: inside.execute("SELECT text, spans FROM outbox").fetchall()
    )
    for row in rows:
        yield tuple(row)


@pytest.mark.parametrize("text", ["\u200b\u2060", "\u3164 \u2800", "\ufe0f\u00ad", "\U000e0041"])
async def test_an_answer_of_characters_that_show_nothing_is_no_answer(bot: Bot, text: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append(text)
    bot.fake.say(chat, ana, "hi")
    await bot.sees_exactly(chat, "Mara found no words; ask again.")
    assert await bot.history(chat) == ["Ana: hi"]


@pytest.mark.parametrize(
    "text",
    [
        "[Ana](tg://user?id={id})",
        "[Ana](tg:user?id={id}) ![x](TG://user?id={id})",
        "<tg://user?id={id}> tg://user?id={id}",
        "**@ana_ray** `@ana_ray` [@ana_ray](https://t.me/ana_ray)",
        "> @ana_ray\n# @ana_ray\n| @ana_ray |\n|---|\n| @ana_ray |",
        "https://x.example/@ana_ray \\@ana_ray @**ana_ray** @`ana_ray`",
    ],
)
async def test_no_format_pings_anybody(bot: Bot, text: str) -> None:
    ana = bot.fake.user("Ana", "ana_ray")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append(text.format(id=ana.id))
    bot.engine.delay = 0.01
    bot.fake.say(group, ana, "@lamp_bot call me")
    await bot.fake.until(lambda: bot.fake.sent(group))
    await bot.quiet()
    assert {message.pings for message in bot.fake.sent(group)} == {frozenset()}
    assert all(e["type"] not in ("mention", "text_mention") for m in bot.fake.sent(group) for e in m.entities)
    assert bot.fake.refusals == []
