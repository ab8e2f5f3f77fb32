"""State of platforms: kept by scope, apart from settings, through a chat's erasure and move."""

from dataclasses import replace

from bot.memory.store import Memory
from tests.faults.memory_story import HERE, said

SCOPE = f"{HERE.platform}/{HERE.account}"


async def test_a_value_is_replaced_and_removed(memory: Memory) -> None:
    await memory.set_platform_state(SCOPE, "menu", "old")
    await memory.set_platform_state(SCOPE, "menu", "new")
    await memory.set_platform_state(SCOPE, "catch_up", "5")
    await memory.set_platform_state(SCOPE, "catch_up", None)
    assert await memory.platform_state(SCOPE) == {"menu": "new"}
    assert await memory.platform_state("another/scope") == {}
    assert await memory.settings(SCOPE) == {}


async def test_a_chats_move_and_erasure_leave_the_state_of_the_account(memory: Memory) -> None:
    await memory.set_platform_state(SCOPE, "menu", "digest")
    await memory.accept(said(1))
    new = replace(HERE, chat="elsewhere")
    await memory.move(HERE, new)
    await memory.erase_place(new)
    assert await memory.platform_state(SCOPE) == {"menu": "digest"}
