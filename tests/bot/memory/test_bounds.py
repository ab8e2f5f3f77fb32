"""Tables that a platform's deliveries fill are bounded."""

from bot.memory.queries.edits import MAX_DEAD_LETTERS
from bot.memory.store import Memory


async def test_the_newest_dead_letters_of_an_account_are_kept(memory: Memory) -> None:
    await memory.dead_letter("discord", "other", "1", "unreadable")
    for number in range(MAX_DEAD_LETTERS + 30):
        await memory.dead_letter("discord", "bot", f"{number:05}", "unreadable " * 100)
    assert (await memory.status()).dead == MAX_DEAD_LETTERS + 1
