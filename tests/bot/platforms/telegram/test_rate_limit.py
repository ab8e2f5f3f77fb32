"""Rate limits on Telegram: no limit is passed, and a limited chat holds up no other."""

import time

from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram.rate_limit import Rate, RateLimit, Rates
from tests.fakes.telegram.limits import Rate as FakeRate
from tests.fakes.telegram_server import TelegramServer
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


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
    await bot.sees_exactly(group, "Answer 1.")
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


def test_a_group_gets_twenty_messages_a_minute_and_no_other_chat_waits() -> None:
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


def test_a_limited_chat_waits_alone_and_drafts_leave_room() -> None:
    pace = RateLimit()
    pace.close("-1", 30.0)
    assert (pace.wait_turn("-1", True, 0.0), pace.wait_turn("-2", True, 0.0)) == (30.0, 0.0)
    assert not pace.can_spare("-1", True, 0.0, keep=0)
    for second in range(1, 12):
        assert pace.can_spare("-2", True, second * 3.0, keep=8) == (second <= 11)
        pace.wait_turn("-2", True, second * 3.0)
    assert not pace.can_spare("-2", True, 36.0, keep=8)
    assert pace.wait_turn("-1", True, 30.0) == 0.0
