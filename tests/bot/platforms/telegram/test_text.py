"""Texts on Telegram: any text of a model arrives whole, in UTF-16 units, without mentions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram.text import MAX_MESSAGE, name_line, sanitize, telegram_length
from bot.text.splitting import split_message, utf16_length
from tests.fakes.telegram.arguments import Arguments
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
    return "".join(clean(text).split())


def test_ten_thousand_outputs_pass_telegrams_parser_whole_and_mention_nobody() -> None:
    dice, users, lost, raised = random.Random(3), {}, 0, 0
    for _ in range(10_000):
        text = fuzzed(dice)
        sent = sanitize(text)
        found, entities = finish(*parse(Arguments({"text": sent}, {})), users, MAX_MESSAGE, "too long")
        lost += seen(found.replace("\u2060", "")) not in (seen(text), "…")
        raised += bool(usernames(found, entities)) or any(e["type"] == "text_mention" for e in entities)
    assert (lost, raised) == (0, 0)


@given(st.text(), st.integers(min_value=60, max_value=300))
def test_parts_fit_and_joined_are_the_text(text: str, limit: int) -> None:
    parts = [part.text_to_send for part in split_message(text, limit, telegram_length, marks=False)]
    assert seen("".join(parts)) == seen(text)
    assert all(utf16_length(sanitize(part)) <= limit for part in parts)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("hello", "hello"),
        ("@ana and a@b.de", "@\u2060ana and a@\u2060b.de"),
        ("@\u202eana @", "@\u2060\u202eana @\u2060"),
        ("\u202e \u2800", "…"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_sanitized_text_is_valid_visible_and_mentions_nobody(text: str, sent: str) -> None:
    assert sanitize(text) == sent
    assert utf16_length(sent) == telegram_length(text) or sent == "…"


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
async def test_marks_arrive_as_they_were_written(bot: Bot, text: str) -> None:
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
