"""Targets: the bursts and posts that are learned, with their task and the prompt before them."""

from pathlib import Path

import pytest

from tests.fixtures.training_messages import build, built_examples, describe_examples, read_split, said
from training.dataset.splits import VALIDATION

DAY = 86_400.0


def test_a_burst_is_one_answer_to_all_that_was_said_before(tmp_path: Path) -> None:
    times = (0, 10, 20, 30, 400, 430)
    lines = [
        ("Ana", "hi"),
        ("Mara", "well"),
        ("Mara", "hello"),
        ("Ana", "so?"),
        ("Mara", "so"),
        ("Mara", "it is"),
    ]
    build(tmp_path, [said(n, who, text, time=times[n]) for n, (who, text) in enumerate(lines)])
    assert describe_examples(tmp_path) == [
        ("answer", "Ana: hi", "well\nhello"),
        ("answer", "Ana: hi|well|hello|Ana: so?", "so\nit is"),
    ]


def test_a_message_after_a_pause_begins_a_new_burst(tmp_path: Path) -> None:
    build(tmp_path, [said(1, "Ana", "hi"), said(2, "Mara", "hm"), said(9, "Mara", "are you there?")])
    assert [answer for _, _, answer in describe_examples(tmp_path)] == ["hm", "are you there?"]


def test_the_first_message_after_a_silence_opens_a_conversation(tmp_path: Path) -> None:
    build(
        tmp_path,
        [
            said(1, "Ana", "bye"),
            said(2, "Mara", "good morning", time=DAY),
            said(3, "Ana", "oh", time=DAY + 9),
        ],
    )
    assert describe_examples(tmp_path) == [("opening", "", "good morning")]


def test_a_reply_link_makes_an_answer_across_a_silence(tmp_path: Path) -> None:
    build(tmp_path, [said(1, "Ana", "tea?"), said(2, "Mara", "yes!", time=DAY, reply_to="1")])
    assert describe_examples(tmp_path) == [("answer", "Ana: tea?", "yes!")]


def test_chats_are_never_joined(tmp_path: Path) -> None:
    messages = [
        said(n, who, f"{chat}{n}", chat=chat, time=float(n))
        for n in range(40)
        for chat in "ab"
        for who in ["Ana" if n % 2 else "Mara"]
    ]
    build(tmp_path, messages)
    for found in (*read_split(tmp_path), *read_split(tmp_path, VALIDATION)):
        assert {line.text[0] for line in (*found.messages, *found.parents)} == {found.chat[-1]}


POSTS = [
    said(1, "Bo", "is it raining?", chat_kind="timeline", time=1.0),
    said(2, "Mara", "the light is on", chat_kind="timeline"),
    said(3, "Mara", "and stays on", chat_kind="timeline", reply_to="2"),
    said(4, "Mara", "always", chat_kind="timeline", reply_to="1"),
    said(5, "Mara", "never", chat_kind="timeline", reply_to="99"),
    said(6, "Mara", "how true", chat_kind="timeline", quote="1"),
]


def test_posts_are_four_tasks(tmp_path: Path) -> None:
    build(tmp_path, POSTS)
    assert sorted(describe_examples(tmp_path)) == sorted(
        [
            ("post", "", "the light is on"),
            ("thread", "the light is on", "and stays on"),
            ("reply", "Bo: is it raining?", "always"),
            ("unknown parent", "Someone: […]", "never"),
            ("reply", "Bo: is it raining?", "how true"),
        ]
    )


def test_an_answer_to_something_unknown_counts_less(tmp_path: Path) -> None:
    build(tmp_path, POSTS)
    weights = {example.task: example.weight for example in built_examples(tmp_path)}
    assert weights["unknown parent"] == 0.3 * weights["post"]


@pytest.mark.parametrize("time", [119.0, 120.0])
def test_a_reply_to_a_later_message_does_not_show_it(time: float, tmp_path: Path) -> None:
    talk = [
        said(1, "Ana", "hi"),
        said(3, "Ana", "you say so?", time=time, reply_to="4"),
        said(4, "Mara", "so", time=120.0),
    ]
    build(tmp_path, talk)
    assert not any(
        shown_ == "[In reply to Mara: so]"
        for _, context, _ in describe_examples(tmp_path)
        for shown_ in context.split("|")
    )
