"""How answers reach Telegram: whole, once, in its units, calling nobody, and no faster than it bears."""

import asyncio
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram.rate_limit import Rate, RateLimit, Rates
from bot.platforms.telegram.text import LIMIT, harmless, name_line, telegram_length
from bot.text.splitting import split_message, utf16_length
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.limits import Rate as FakeRate
from tests.fakes.telegram.markup import finish, parse
from tests.fakes.telegram.text import clean, usernames
from tests.fakes.telegram_server import TelegramServer, bad_gateway, garbage, refuse, reset, stall, too_many
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
    """What a reader sees of a text: Telegram drops marks of direction and blank ends, bells become blanks."""
    return "".join(clean(text).split())


def test_ten_thousand_outputs_pass_telegrams_parser_whole_and_call_nobody() -> None:
    dice, users, lost, raised = random.Random(3), {}, 0, 0
    for _ in range(10_000):
        text = fuzzed(dice)
        sent = harmless(text)
        found, entities = finish(*parse(Arguments({"text": sent}, {})), users, LIMIT, "too long")
        lost += seen(found.replace("\u2060", "")) not in (seen(text), "…")
        raised += bool(usernames(found, entities)) or any(e["type"] == "text_mention" for e in entities)
    assert (lost, raised) == (0, 0)


@given(st.text(), st.integers(min_value=60, max_value=300))
def test_parts_fit_and_say_the_text(text: str, limit: int) -> None:
    parts = [part.text_to_send for part in split_message(text, limit, telegram_length, marks=False)]
    assert seen("".join(parts)) == seen(text)
    assert all(utf16_length(harmless(part)) <= limit for part in parts)


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
def test_what_is_sent_is_valid_visible_and_mentions_nobody(text: str, sent: str) -> None:
    assert harmless(text) == sent
    assert utf16_length(sent) == telegram_length(text) or sent == "…"


@pytest.mark.parametrize(
    ("name", "line"), [("Mara", "Mara\n"), (" Ma\nra ", "Ma ra\n"), ("@all", "@\u2060all\n"), ("\u200b", "")]
)
def test_a_name_is_one_line_that_calls_nobody(name: str, line: str) -> None:
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


async def test_a_mention_in_an_answer_pings_nobody_while_it_grows_in_parts_and_at_its_end(bot: Bot) -> None:
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
    await bot.sees(chat, text)
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


async def test_the_name_line_of_a_group_with_several_is_counted(cold: Bot, telegram: TelegramServer) -> None:
    both(cold)
    await cold.start()
    ana = telegram.user("Ana")
    group, chat = telegram.group("Harbour", ana), telegram.private(ana)
    cold.engine.script.extend(["x" * 4092, "y"])
    telegram.say(group, ana, "@lamp_bot long")
    await cold.sees(group, "Mara\n" + "x" * 4091, "x")
    telegram.say(group, ana, "Ozzo, @lamp_bot")
    await cold.sees(group, "Mara\n" + "x" * 4091, "x", "Ozzo\ny")
    assert telegram.sent(group)[2].entities == [{"type": "bold", "offset": 0, "length": 4}]
    cold.engine.script.append("z")
    telegram.say(chat, ana, "hi")
    await cold.sees(chat, "z")


async def test_a_private_chat_sees_drafts_grow_and_then_the_message(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.delay = 0.03
    for text in ("One two three four five six.", "Seven eight nine ten."):
        bot.engine.script.append(text)
        bot.fake.say(chat, ana, "Count")
        await bot.quiet()
    drafts = bot.fake.drafts(chat)
    first, second = (
        [d.text for d in drafts if d.id == number] for number in dict.fromkeys(d.id for d in drafts)
    )
    assert len(first) > 2
    assert all("One two three four five six.".startswith(text) for text in first)
    assert all("Seven eight nine ten.".startswith(text) for text in second)
    assert all(draft.id for draft in drafts)
    assert bot.fake.draft(chat) is None
    assert bot.fake.visible(chat) == ["One two three four five six.", "Seven eight nine ten."]


async def test_where_there_are_no_drafts_the_answer_comes_all_the_same(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendMessageDraft", refuse(404, "Not Found"), times=None)
    bot.engine.delay = 0.03
    bot.engine.script.append("One two three four five six.")
    bot.fake.say(chat, ana, "Count")
    await bot.sees(chat, "One two three four five six.")
    assert len(bot.fake.called("sendMessageDraft")) == 1


async def test_a_group_sees_few_edits_of_one_message(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.delay = 0.01
    text = " ".join(f"word{n}" for n in range(60))
    bot.engine.script.append(text)
    bot.fake.say(group, ana, "@lamp_bot count")
    await bot.fake.until(lambda: bot.fake.visible(group) == [text])
    await bot.quiet()
    (message,) = bot.fake.sent(group)
    assert 2 <= len(message.edits) <= 6
    assert all(text.startswith(edit.text) for edit in message.edits)
    gaps = [message.at, *(edit.at for edit in message.edits)]
    assert gaps[2] - gaps[1] > 0.09  # twice the first distance
    assert bot.fake.drafts(group) == []


async def test_typing_shows_at_once_and_goes_on(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(chat, ana, "Think")
    await bot.fake.until(lambda: len(bot.fake.actions(chat)) == 3)
    bot.engine.hold.set()
    await bot.sees(chat, "Answer 1.")
    await bot.quiet()
    shown = len(bot.fake.actions(chat))
    await asyncio.sleep(0.15)
    assert len(bot.fake.actions(chat)) == shown


async def test_an_answer_does_not_wait_for_typing(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendChatAction", stall(5, do=False), times=None)
    bot.fake.say(chat, ana, "Think")
    await bot.sees(chat, "Answer 1.")


@pytest.mark.parametrize(
    "fault",
    [bad_gateway(do=False), garbage(do=False), reset(do=False), refuse(500, "Internal"), too_many(1)],
    ids=["502", "garbage", "reset", "500", "429"],
)
async def test_a_failed_call_is_made_again(bot: Bot, fault: object) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendMessage", fault)  # type: ignore[arg-type]
    bot.fake.say(chat, ana, "hi")
    await bot.sees(chat, "Answer 1.")
    await bot.quiet()
    assert (await bot.memory.status()).unsent == 0


async def test_a_hung_call_is_given_up_and_made_again(cold: Bot, telegram: TelegramServer) -> None:
    cold.timing = replace(cold.timing, call=0.2)
    await cold.start()
    ana = telegram.user("Ana")
    chat = telegram.private(ana)
    telegram.fail("sendMessage", stall(30, do=False))
    telegram.say(chat, ana, "hi")
    await cold.sees(chat, "Answer 1.")


async def test_a_hung_call_that_was_heard_gives_one_extra_copy(cold: Bot, telegram: TelegramServer) -> None:
    cold.timing = replace(cold.timing, call=0.2)
    await cold.start()
    ana = telegram.user("Ana")
    chat = telegram.private(ana)
    telegram.fail("sendMessage", stall(30))
    telegram.say(chat, ana, "hi")
    await cold.sees(chat, "Answer 1.", "Answer 1.")
    await cold.quiet()
    assert await cold.history(chat) == ["Ana: hi", "Mara: Answer 1."]


@pytest.mark.parametrize(
    "reason", ["bot was blocked by the user", "bot was kicked from the group chat", "user is deactivated"]
)
async def test_a_forbidden_answer_is_dropped_with_a_line(
    bot: Bot, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    ana, bo = bot.fake.user("Ana"), bot.fake.user("Bo")
    chat, other = bot.fake.private(ana), bot.fake.private(bo)
    bot.fake.fail("sendMessage", refuse(403, reason))
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: bot.fake.called("sendMessage"))
    await bot.quiet()
    bot.fake.say(other, bo, "hi")
    await bot.sees(other, "Answer 2.")
    await bot.quiet()
    assert bot.fake.visible(chat) == []
    (line,) = [record for record in caplog.records if record.message == "send_refused"]
    assert reason in line.__dict__["reason"]
    assert (await bot.memory.status()).unsent == 0


async def test_the_bot_kicked_while_it_answers_goes_on_elsewhere(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group, chat = bot.fake.group("Harbour", ana), bot.fake.private(ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.engine.holding.wait()
    bot.fake.kick(group, ana)
    bot.engine.hold.set()
    bot.fake.say(chat, ana, "hi")
    await bot.sees(chat, "Answer 2.")
    await bot.quiet()
    assert (bot.fake.visible(group), (await bot.memory.status()).unsent) == ([], 0)


@pytest.mark.parametrize(
    "reason", ["chat not found", "not enough rights to send text messages to the chat", "TOPIC_CLOSED"]
)
async def test_a_refused_answer_is_dropped(bot: Bot, reason: str) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.fail("sendMessage", refuse(400, reason))
    bot.fake.say(chat, ana, "hi")
    await bot.fake.until(lambda: bot.fake.called("sendMessage"))
    await bot.quiet()
    assert (len(bot.fake.called("sendMessage")), (await bot.memory.status()).unsent) == (1, 0)


async def test_an_answer_to_a_topic_that_is_gone_goes_to_the_group(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    forum = bot.fake.supergroup("Forum", ana, forum=True)
    topic = bot.fake.topic(forum, "Red", ana)
    bot.engine.hold = asyncio.Event()
    bot.fake.say(forum, ana, "@lamp_bot hi", thread=topic)
    await bot.engine.holding.wait()
    del forum.topics[topic]
    bot.engine.hold.set()
    await bot.sees(forum, "Answer 1.")
    assert bot.fake.sent(forum)[0].call.get("message_thread_id") is None


async def test_marks_that_telegram_refuses_are_left_out(cold: Bot, telegram: TelegramServer) -> None:
    both(cold)
    await cold.start()
    ana = telegram.user("Ana")
    group = telegram.group("Harbour", ana)
    telegram.fail("sendMessage", refuse(400, "can't parse entities: unsupported"))
    telegram.say(group, ana, "@lamp_bot hi")
    await cold.sees(group, "Mara\nAnswer 1.")
    assert telegram.sent(group)[0].entities == []


async def test_the_last_edit_may_find_its_words_there_already(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append("One two.")
    bot.engine.delay = 0.06
    bot.fake.fail(
        "editMessageText", refuse(400, "message is not modified: nothing is new", do=True), times=None
    )
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.sees(group, "One two.")
    await bot.quiet()
    assert (await bot.memory.status()).unsent == 0


async def test_an_answer_whose_beginning_was_deleted_is_sent_anew(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group = bot.fake.group("Harbour", ana)
    bot.engine.script.append("One two three.")
    bot.engine.delay = 0.1
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.fake.until(lambda: bot.fake.sent(group))
    bot.fake.sent(group)[0].deleted = True
    await bot.sees(group, "One two three.")


async def test_again_takes_the_old_answer_back(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    chat = bot.fake.private(ana)
    bot.fake.say(chat, ana, "hi")
    await bot.sees(chat, "Answer 1.")
    bot.fake.say(chat, ana, "/again")
    await bot.sees(chat, "Answer 2.")
    assert await bot.history(chat) == ["Ana: hi", "Mara: Answer 2."]


async def test_one_group_that_must_wait_holds_up_no_other_chat(bot: Bot) -> None:
    ana = bot.fake.user("Ana")
    group, chats = (
        bot.fake.group("Harbour", ana),
        [bot.fake.private(bot.fake.user(f"P{n}")) for n in range(10)],
    )
    bot.fake.limits.close(group.id, 1.0)
    bot.fake.say(group, ana, "@lamp_bot hi")
    await bot.fake.until(lambda: bot.fake.refusals)
    begun = time.monotonic()
    for chat in chats:
        assert chat.peer
        bot.fake.say(chat, chat.peer, "hi")
    await bot.fake.until(lambda: all(bot.fake.visible(chat) for chat in chats))
    assert bot.fake.visible(group) == []
    assert all(bot.fake.sent(chat)[0].at < begun + 0.9 for chat in chats)  # before the group may speak again
    await bot.sees(group, "Answer 1.")
    assert [call.code for call in bot.fake.refusals].count(429) == 1


async def test_sixty_chats_are_answered_within_the_rates_of_the_whole(
    cold: Bot, telegram: TelegramServer
) -> None:
    cold.rates = Rates()
    telegram.limits.overall = FakeRate(31, 1)
    await cold.start()
    chats = [telegram.private(telegram.user(f"P{n}")) for n in range(60)]
    for chat in chats:
        assert chat.peer
        telegram.say(chat, chat.peer, "hi")
    await telegram.until(lambda: all(telegram.visible(chat) for chat in chats))
    times = sorted(telegram.sent(chat)[0].at for chat in chats)
    assert max(sum(at <= other < at + 0.8 for other in times) for at in times) <= 30
    assert telegram.refusals == []


def test_a_group_hears_twenty_a_minute_and_nobody_else_waits_for_it() -> None:
    pace, now, times = RateLimit(), 0.0, []
    for _ in range(22):
        while wait := pace.wait_turn("-1", True, now):
            now += wait
        times.append(now)
    assert times[:4] == [0.0, 0.0, 0.0, 3.0]
    assert times[19] < 60 <= times[20]
    assert pace.wait_turn("5", False, now) == 0.0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2)), max_size=80))
def test_no_rate_is_ever_passed(asked: list[tuple[str, float]]) -> None:
    rates = Rates(Rate(2, 2.0), Rate(4, 10.0), Rate(5, 1.0))
    pace, now, went = RateLimit(rates), 0.0, []
    for chat, rest in asked:
        now += rest
        while wait := pace.wait_turn(chat, chat == "a", now):
            now += wait
        went.append((chat, now))
    for chat, rate in (("a", rates.group), ("a", rates.chat), ("b", rates.chat), ("abc", rates.overall)):
        times = [at for name, at in went if name in chat]
        assert all(
            later >= earlier + rate.seconds - 1e-6
            for earlier, later in zip(times, times[rate.count :], strict=False)
        )


def test_a_chat_that_was_told_to_wait_waits_alone_and_previews_leave_room() -> None:
    pace = RateLimit()
    pace.close("-1", 30.0)
    assert (pace.wait_turn("-1", True, 0.0), pace.wait_turn("-2", True, 0.0)) == (30.0, 0.0)
    assert not pace.spare("-1", True, 0.0, keep=0)
    for second in range(1, 12):
        assert pace.spare("-2", True, second * 3.0, keep=8) == (second <= 11)
        pace.wait_turn("-2", True, second * 3.0)
    assert not pace.spare("-2", True, 36.0, keep=8)
    assert pace.wait_turn("-1", True, 30.0) == 0.0
