"""Keys of lorebook entries in the newest messages, in any script, and in other entries."""

from dataclasses import replace

import pytest

from bot.persona.lorebook import LoreEntry
from bot.prompt.lore import said_entries
from tests.bot.prompt.test_lore import HARROW, said


@pytest.mark.parametrize(
    ("entry", "texts", "is_said"),
    [
        (HARROW, ["harrow?"], True),
        (HARROW, ["HARROW's end"], True),
        (HARROW, ["ｈａｒｒｏｗ"], True),
        (HARROW, ["Harrowing"], False),
        (HARROW, ["Xharrow harrow"], True),
        (replace(HARROW, whole_words=False), ["Harrowing"], True),
        (replace(HARROW, case_sensitive=True), ["harrow"], False),
        (replace(HARROW, case_sensitive=True), ["Harrow"], True),
        (replace(HARROW, keys=("哈罗",)), ["去过哈罗吗"], True),
        (replace(HARROW, keys=("하로",)), ["하로는 어디?"], True),
        (replace(HARROW, keys=("C++",)), ["c++11?"], True),
        (replace(HARROW, keys=("old man", "harrow")), ["the old  man"], False),
        (replace(HARROW, secondary=("sea",)), ["Harrow"], False),
        (replace(HARROW, secondary=("sea",)), ["Harrow", "the sea"], True),
        (replace(HARROW, secondary=("sea", "oil"), logic="all"), ["Harrow sea"], False),
        (replace(HARROW, secondary=("sea", "oil"), logic="all"), ["Harrow sea oil"], True),
        (replace(HARROW, secondary=("sea",), logic="not any"), ["Harrow sea"], False),
        (replace(HARROW, secondary=("sea", "oil"), logic="not all"), ["Harrow sea"], True),
        (replace(HARROW, excluded=("map",)), ["Harrow on the map"], False),
        (HARROW, ["Harrow", "a", "b", "c"], True),
        (HARROW, ["Harrow", "a", "b", "c", "d"], False),
        (replace(HARROW, scan_depth=1), ["Harrow", "a"], False),
        (HARROW, ["Harrow", "x" * 10_000], False),
        (HARROW, [], False),
    ],
)
def test_an_entry_is_found_by_its_keys_in_the_newest_messages(
    entry: LoreEntry, texts: list[str], is_said: bool
) -> None:
    history = [said(number, text) for number, text in enumerate(texts)]
    assert said_entries([entry], history) == [entry] * is_said


def test_entries_call_each_other_where_their_book_says_so_and_come_to_an_end() -> None:
    chain = [LoreEntry(f"of k{n + 1}", (f"k{n}",), recursive=True) for n in range(20)]
    assert said_entries(chain, [said(0, "k0")]) == chain[:5]
    plain = [replace(entry, recursive=False) for entry in chain]
    assert said_entries(plain, [said(0, "k0")]) == plain[:1]
    constant = LoreEntry("about k3", constant=True)
    assert said_entries([constant, chain[3]], [said(0, "Hi")]) == [chain[3]]
    circle = [LoreEntry("b", ("a",), recursive=True), LoreEntry("a", ("b",), recursive=True)]
    assert said_entries(circle, [said(0, "a")]) == circle


@pytest.mark.parametrize("text", ["a" * 4000, "ab" * 2000, "a" * 3999 + "b"])
def test_hostile_keys_and_messages_cost_little(text: str) -> None:
    entries = [LoreEntry("x", tuple(f"{'a' * 180}{n}{m}" for m in range(10))) for n in range(200)]
    entries += [LoreEntry("x", ("a" * 150,)) for _ in range(200)]
    assert said_entries(entries, [said(0, text)]) == []
