"""The same campaign on Telegram; a file of its own, since both take minutes and run side by side."""

from tests.end_to_end.test_campaign import SIZES, Size, outcome


@SIZES
async def test_kills_on_telegram_lose_no_message_and_repeat_only_those_in_the_send_window(size: Size) -> None:
    found = await outcome("telegram", size)
    assert found.in_window > 0
    assert len(found.twice) <= found.in_window
