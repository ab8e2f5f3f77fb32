"""Texts on Telegram: any text of a model arrives whole, in UTF-16 units, without mentions."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.telegram.entities import EntityText, entity_text
from bot.platforms.telegram.text import MAX_MESSAGE, clean_text, name_line, sanitize, telegram_length
from bot.text.formatted_splitting import split_formatted
from bot.text.markdown_text import parse_markdown
from bot.text.splitting import utf16_length
from bot.text.visibility import is_visible
from tests.bot.text.split_texts import HOSTILE
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.chat import User
from tests.fakes.telegram.markup import finish, parse
from tests.fakes.telegram.text import clean, usernames
from tests.fixtures.telegram_bot import Bot, both

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


SPICES = [
    *"<b> </i> <unclosed &lt; &#x110000; * _ __ ~ || ` ``` [a]( ] ) \\".split(),
    *"@ana_ray @a @ /reset tg://user?id=5 t.me/ana_ray https://x.io/?a=1&b=2".split(),
    *("\u202e", "\u200f", "\x00", "\x07", "\r\n", "\n\n", " ", "\ufeff", "\u2800"),
    *("😀", "👩\u200d👩\u200d👧", "🇩🇪", "é̂", "שלום", "漢字。", "word "),
]


def fuzzed(dice: random.Random) -> str:
    return "".join(dice.choices(SPICES, k=dice.randint(1, 40)))


def seen(text: str) -> str:
    """Return the visible text: Telegram drops direction marks and blank ends, and turns bells into blanks."""
    return "".join(clean(text).replace("\u2060", "").split())


def as_sent(text: str, limit: int = MAX_MESSAGE) -> list[EntityText]:
    """Return the messages of an answer."""
    parts = split_formatted(parse_markdown(clean_text(text)), limit, telegram_length)
    return [entity_text(part) for part in parts]


def taken(sent: EntityText) -> tuple[str, list[dict[str, Any]]]:
    """Return text and entities as Telegram takes them."""
    wire = {"text": sent.text, "entities": [entity.to_dict() for entity in sent.entities]}
    return finish(*parse(Arguments(wire, {})), {5: User(5, "Ana", "ana_ray")}, MAX_MESSAGE, "too long")


def letters(text: str) -> list[str]:
    return [character for character in text if character.isalnum()]


def test_ten_thousand_outputs_pass_telegrams_parser_whole_and_mention_nobody() -> None:
    dice, lost, raised = random.Random(3), 0, 0
    for _ in range(10_000):
        text = fuzzed(dice)
        for sent in as_sent(text):
            found, entities = taken(sent)
            plain = sent.plain()
            lost += letters(found) != letters(sent.text) or letters(plain.text) != letters(clean_text(text))
            raised += bool(usernames(found, entities) or usernames(*taken(plain)))
            raised += any(e["type"] == "text_mention" for e in entities)
    assert (lost, raised) == (0, 0)


@settings(deadline=None)
@given(st.text() | HOSTILE | st.lists(st.sampled_from(SPICES)).map("".join), st.integers(60, 300))
def test_parts_fit_and_joined_are_the_text(text: str, limit: int) -> None:
    whole, parts = parse_markdown(clean_text(text)), as_sent(text, limit)
    assert seen("".join(part.text for part in parts)) == seen(whole.text) or not is_visible(whole.text)
    assert all(utf16_length(part.text) <= limit for part in parts)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("hello", "hello"),
        ("@ana and a@b.de", "@\u2060ana and a@b.de"),
        ("@\u202eana @", "@\u2060ana @"),
        ("\u202e \u2800", "…"),
        ("half \ud83d", "half \ufffd"),
        ("a\r\nb\u2028c\x00\td", "a\nb\nc     d"),
        ("A\u030a x\u030a", "Å x"),
    ],
)
def test_sanitized_text_is_valid_visible_and_mentions_nobody(text: str, sent: str) -> None:
    assert sanitize(text) == sent
    assert utf16_length(sent) <= telegram_length(clean_text(text)) or sent == "…"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a@b.de",
            "first.last+tag@mail.example",
            "me @ home",
            "@",
            "@a @bc",
            "@" + "x" * 33,
            "é@ana",
            "1@ana",
        ),
        *("`@property` and `@ana`", "```py\n@property\ndef ana(self): ...\n```"),
        *("https://x.example/@ana_ray/1", "x.example/@ana_ray", "[ana](https://x.example/@ana_ray)"),
        *("mailto:ana@x.example", "/start@lamp_bot", "[@ana_ray](https://x.example)"),
    ],
)
def test_where_telegram_makes_no_mention_every_sign_stays(text: str) -> None:
    (sent,) = as_sent(text)
    assert "\u2060" not in sent.text
    assert usernames(*taken(sent)) == set()


@pytest.mark.parametrize(
    "text",
    ["@ana_ray", "(@ana_ray)", "**@ana_ray**", "-@ana_ray.", "@ana_ray's", "漢 @ana_ray", "😀@ana_ray"],
)
def test_a_mention_that_telegram_would_make_is_plain_text(text: str) -> None:
    (sent,) = as_sent(text)
    assert "@\u2060ana_ray" in sent.text
    assert usernames(*taken(sent)) == set()


def test_no_cut_makes_a_mention() -> None:
    for text in ("x@ana_ray ", "@ana_ray\u00e9 ", f"@{'a' * 40} ", "@ana_ray_1 "):
        for limit in range(10, 60):
            for sent in as_sent(text * 9, limit):
                assert usernames(*taken(sent)) == set()


def test_an_address_with_a_name_in_it_is_a_link_to_itself() -> None:
    (sent,) = as_sent("See https://x.example/@ana_ray, or 😀 x.example/@bo.")
    assert sent.text == "See https://x.example/@ana_ray, or 😀 x.example/@bo."
    assert [(e.type, e.offset, e.length, e.url) for e in sent.entities] == [
        ("text_link", 4, 26, "https://x.example/@ana_ray"),
        ("text_link", 38, 13, "http://x.example/@bo"),
    ]


@pytest.mark.parametrize(
    ("name", "line"), [("Mara", "Mara\n"), (" Ma\nra ", "Ma ra\n"), ("@all", "@\u2060all\n"), ("\u200b", "")]
)
def test_a_name_is_one_line_that_mentions_nobody(name: str, line: str) -> None:
    assert name_line(name) == line


async def test_fuzzed_answers_arrive_and_no_call_is_refused(bot: Bot) -> None:
    dice, ana = random.Random(5), bot.fake.user("Ana", "ana_ray")
    chat, group = bot.fake.private(ana), bot.fake.group("Harbour", ana)
    for _ in range(15):
        text = fuzzed(dice).strip() or "x"
        bot.engine.script.extend([text, text])
        bot.fake.say(chat, ana, "again")
        bot.fake.say(group, ana, "@lamp_bot again")
        await bot.quiet()
    for place in (chat, group):
        assert len(bot.fake.sent(place)) == 15
        assert all(not message.pings for message in bot.fake.sent(place))
    assert bot.fake.refusals == []


async def test_a_mention_in_an_answer_pings_nobody_in_drafts_parts_and_at_the_end(bot: Bot) -> None:
    both(bot)
    ana = bot.fake.user("Ana", "ana_ray")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append("@ana_ray! " * 600)
    bot.engine.delay = 0.0005
    bot.fake.say(group, ana, "@lamp_bot call me")
    await bot.fake.until(lambda: len(bot.fake.sent(group)) == 2)
    await bot.quiet()
    assert bot.fake.sent(group)[0].edits
    assert [message.pings for message in bot.fake.sent(group)] == [frozenset(), frozenset()]


@pytest.mark.parametrize("text", ["<b>unclosed", "*bold_", "a_b*c[d](e", "&lt;", "1. one\n2. two"])
async def test_signs_that_are_no_formats_arrive_as_they_were_written(bot: Bot, text: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append(text)
    bot.fake.say(chat, ana, "Mark!")
    await bot.sees_exactly(chat, text)
    assert bot.fake.refusals == []


@pytest.mark.parametrize("text", ["word " * 1000, "😀" * 2100, "@you " * 900])
async def test_a_long_answer_is_split_by_telegrams_utf16(bot: Bot, text: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.script.append(text)
    bot.fake.say(chat, ana, "Go on")
    await bot.fake.until(lambda: len(bot.fake.sent(chat)) == 2)
    await bot.quiet()
    assert seen("".join(bot.fake.visible(chat)).replace("\u2060", "")) == seen(text)
    assert [call.error for call in bot.fake.called("sendMessage")] == [None, None]
