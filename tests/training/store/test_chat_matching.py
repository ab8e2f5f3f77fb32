"""Which names stand for one chat, and how many bytes that takes."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some

from training.store.chat_matching import ChatMatcher
from training.store.message_chats import MessageChats

HOUR = 3600.0
Lines = list[tuple[str, str]]


def joined(*chats: tuple[str, Lines], earlier: int = 1) -> dict[tuple[str, str], str]:
    """Match chats of (id of a message, author); an id is also its hour. The first ones are in the file."""
    matcher = ChatMatcher()
    for number, (name, lines) in enumerate(chats):
        for id, author in lines:
            time = HOUR * (sum(map(ord, id)) % 97)
            if number < earlier:
                matcher.add_earlier("line", name, id, author, time)
            else:
                matcher.add("line", name, id, author, time, source=str(number))
    matcher.settle()
    return matcher.joined


TWO = [("a", "Ana"), ("b", "Bo"), ("c", "Ana"), ("d", "Bo")]


@pytest.mark.parametrize(
    ("old", "new", "is_one"),
    [
        (("Quay", TWO), ("Tea", TWO), True),
        (("Quay", TWO), ("Tea", [*TWO[1:], ("e", "Cy")]), True),
        (("Quay", TWO), ("Tea", [("a", "Ana"), *(("x", "Cy"),) * 9]), False),
        (("Quay", TWO), ("Tea", [("a", "Ana"), ("c", "Ana")]), False),
        (("Ana & Bo", TWO), ("Ana", [("a", "Ana"), ("c", "Ana")]), True),
        (("Quay", TWO), ("Tea", [("x", "Ana"), ("y", "Bo")]), False),
        (
            ("Notes", [(f"n{at}", "Ana") for at in range(9)]),
            ("Me", [(f"n{at}", "Ana") for at in range(9)]),
            True,
        ),
    ],
    ids=[
        *("the same messages", "a later part", "one greeting", "one person's greetings"),
        *("a name made of authors", "nothing in common", "the whole of a list"),
    ],
)
def test_two_people_who_said_the_same_make_two_names_one_chat(
    old: tuple[str, Lines], new: tuple[str, Lines], is_one: bool
) -> None:
    assert joined(old, new) == ({("line", new[0]): old[0]} if is_one else {})


def test_several_names_lead_to_the_first() -> None:
    assert joined(("one", TWO), ("two", TWO), ("three", [*TWO, ("e", "Cy")])) == {
        ("line", "two"): "one",
        ("line", "three"): "one",
    }


def test_chats_of_other_platforms_are_others() -> None:
    matcher = ChatMatcher()
    for platform, name in (("line", "Quay"), ("qq", "Tea")):
        for id, author in TWO:
            matcher.add(platform, name, id, author, 0.0, source=name)
    matcher.settle()
    assert matcher.joined == {}


PAIRS = some.lists(
    some.tuples(some.integers(0, 200).map(str), some.integers(1, 5)), unique=True, max_size=900
)


@given(pairs=PAIRS)
def test_each_message_is_found_in_its_chats(pairs: list[tuple[str, int]]) -> None:
    index, chats = MessageChats(), dict[str, set[int]]()
    for id, chat in pairs:
        index.add("line", id, chat)
        chats.setdefault(id, set()).add(chat)
    assert {id: {*index.find("line", id)} for id in chats} == chats
    assert index.find("line", "none") == index.find("qq", "1") == []


def test_a_greeting_to_thousands_of_chats_is_kept_for_few() -> None:
    index = MessageChats()
    for chat in range(1, 5000):
        index.add("line", "hello", chat)
    assert len(index.find("line", "hello")) == 64


def test_a_message_takes_less_than_thirty_bytes() -> None:
    index = MessageChats()
    for number in range(50_000):
        index.add("line", str(number), 1)
    assert sum(map(sys.getsizeof, index._tables)) < 30 * 50_000
