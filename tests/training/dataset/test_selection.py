"""The selection of targets: words that are left out, quotas, duplicates, caps and weights."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from string import ascii_letters

import pytest
from msgspec.structs import replace

from tests.benchmarks.invented import Inventor
from tests.fixtures.training_messages import build, built_examples, describe_examples, said, serving
from training.dataset.excerpt_builder import IN_CARD, TOO_LONG
from training.dataset.selection import Limits
from training.dataset.splits import TRAIN, VALIDATION
from training.store.lineage import Pseudonyms
from training.store.messages import ExportedMessage


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"text": "/play a song"}, "commands to bots"),
        ({"forwarded": True}, "forwarded"),
        ({"trained": False}, "not to be learned, says the data set"),
        ({"text": "", "kind": "image"}, "without words"),
        ({"text": "https://example.org/a [link]"}, "nothing but links"),
        ({"kind": "notice"}, "notices"),
        ({"text": "Keeps a light. Keeps a light.", "is_self": None}, "by nobody known"),
        ({"text": "word " * 60}, "copied from others (copypasta)"),
    ],
)
def test_messages_that_are_not_the_personas_own_words_are_left_out_and_counted(
    more: dict[str, object], reason: str, tmp_path: Path
) -> None:
    pasted = said(1, "Bo", "word " * 60, chat="other")
    odd = said(9, "Mara", **{"text": "look at this", **more})  # type: ignore[arg-type]
    talk = [pasted, said(3, "Ana", "hi"), said(4, "Mara", "hello"), odd]
    built = build(tmp_path, talk)
    assert built.left_out == {reason: 1}
    assert [answer for _, _, answer in describe_examples(tmp_path)] == ["hello"]


def test_an_answer_to_a_message_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    prompts = serving(1200)
    talk = [
        said(1, "Ana", "x" * 1500),
        said(2, "Mara", "goodness"),
        said(3, "Ana", "hm"),
        said(4, "Mara", "yes"),
    ]
    built = build(tmp_path, talk, prompts)
    assert built.left_out == {TOO_LONG: 1}
    assert IN_CARD not in built.left_out


def asked_and_answered(pairs: Iterable[tuple[str, str]], in_one_chat: int = 1000) -> list[ExportedMessage]:
    """Return pairs of question and answer, a number of them in each chat."""
    return [
        replace(message, chat=f"room {number // in_one_chat}")
        for number, (question, answer) in enumerate(pairs)
        for message in (said(2 * number, "Ana", question), said(2 * number + 1, "Mara", answer))
    ]


def different_answers() -> list[str]:
    """Return a thousand short answers that differ in a number, a negation, a sign of code or a letter."""
    numbers = [str(number) for number in range(400)]
    letters = ["".join(each) for each in product("cbmp", "aeio", "tdgnm")][:70]
    negations = [
        f"{verb} {no}so".strip() for verb in ("I do", "it is", "she was") for no in ("", "not ", "never ")
    ]
    code = [
        f"{one} {sign} {other}" for one in "abcde" for other in "xyz" for sign in ("=", "==", "!=", "+", "-")
    ]
    words = [
        f"{word} {letter}"
        for word in ("row", "room", "roof", "too", "to", "off", "of")
        for letter in ascii_letters
    ]
    answers = list(dict.fromkeys((*numbers, *letters, *negations, *code, *words)))
    return [*answers, *(f"no. {number}, not {number + 1}" for number in range(1000 - len(answers)))]


@pytest.mark.parametrize("question", ["?", "what is number {}"])
def test_a_thousand_different_short_answers_are_all_kept(question: str, tmp_path: Path) -> None:
    answers = different_answers()
    assert len(set(answers)) == 1000
    built = build(
        tmp_path, asked_and_answered(((question.format(n), text) for n, text in enumerate(answers)), 4)
    )
    assert built.left_out == {}
    assert sorted("\n".join(each.answer) for each in built_examples(tmp_path)) == sorted(answers)


@pytest.mark.parametrize("question", ["you there?", "you there, {}?"])
def test_what_somebody_often_says_keeps_its_share(question: str, tmp_path: Path) -> None:
    inventor = Inventor(1)
    answers = ["ok" if number % 10 in (0, 3, 6) else inventor.text() for number in range(1000)]
    build(tmp_path, asked_and_answered(((question.format(n), text) for n, text in enumerate(answers)), 4))
    learned = [example.answer for example in built_examples(tmp_path)]
    assert 0.25 <= learned.count(("ok",)) / len(learned) <= 0.35


LONG = "the storm took the roof of the boat house last night and nobody heard a thing until the morning"


@pytest.mark.parametrize(
    ("question", "answer", "left_out"),
    [
        ("?", LONG.upper() + "!!", {"repeated word for word": 1}),
        ("?", LONG + " came", {"nearly repeated": 1}),
        ("and the boats?", LONG.upper() + "!!", {}),
        ("and the boats?", LONG + " came", {}),
        ("?", LONG.replace("nobody", "somebody"), {}),
        ("?", LONG.replace("night", "5 nights"), {}),
        ("?", LONG + " = x", {}),
    ],
)
def test_an_example_is_question_and_answer_together(
    question: str, answer: str, left_out: dict[str, int], tmp_path: Path
) -> None:
    talk = asked_and_answered([("?", LONG), (question, answer)])
    assert build(tmp_path, talk).left_out == left_out


def test_both_thresholds_are_options(tmp_path: Path) -> None:
    talk = asked_and_answered([("?", LONG)] * 3 + [("?", LONG + " came")])
    found = {
        limits: dict(build(tmp_path, talk, limits=limits).left_out)
        for limits in (Limits(), Limits(repeats=2), Limits(repeats=0), Limits(near_duplicates=None))
    }
    assert list(found.values()) == [
        {"repeated word for word": 2, "nearly repeated": 1},
        {"repeated word for word": 1, "nearly repeated": 1},
        {"nearly repeated": 1},
        {"repeated word for word": 2},
    ]


@pytest.mark.parametrize(("question", "left_out"), [("?", 1), ("and the roof?", 0)])
def test_an_example_that_is_learned_is_not_held_out(question: str, left_out: int, tmp_path: Path) -> None:
    pairs = [(f"what of boat {number}?", f"boat number {number} is gone") for number in range(30)]
    talk = asked_and_answered([("?", LONG), *pairs, (question, LONG)], in_one_chat=1)
    built = build(tmp_path, talk, limits=Limits(repeats=2))
    assert built.left_out == ({"held out, but learned elsewhere": 1} if left_out else {})
    assert sum(built.validation.values()) == 4 - left_out


def test_the_newest_targets_of_a_chat_are_learned_up_to_its_cap(tmp_path: Path) -> None:
    talk = [said(n, "Mara" if n % 2 else "Ana", f"number {n}", time=n * 5000.0) for n in range(100)]
    for n in range(1, 100, 2):
        talk[n] = said(n, "Mara", f"number {n}", time=n * 5000.0, reply_to=str(n - 1))
    built = build(tmp_path, talk, limits=Limits(per_chat=10))
    learned = sorted(int(target.ids[0]) for target in built_examples(tmp_path))
    assert sum(built.train.values()) == 10
    assert learned == list(range(71, 100, 2))


@pytest.mark.parametrize(
    ("test_size", "held"), [(0.1, 2), (0, 0), (0.25, 5), (1, 1), (7, 7), (19, 19), (20, 19), (500, 19)]
)
def test_the_newest_conversations_are_held_out_by_count_or_share(
    test_size: float, held: int, tmp_path: Path
) -> None:
    talk = [
        said(n, "Mara" if n % 2 else "Ana", f"number {n}", time=(n // 2) * 90_000.0 + n % 2)
        for n in range(40)
    ]
    built = build(tmp_path, talk, limits=Limits(test_size=test_size))
    assert (sum(built.train.values()), sum(built.validation.values())) == (20 - held, held)


def test_newer_words_count_more(tmp_path: Path) -> None:
    talk = [
        said(0, "Ana", "a"),
        said(1, "Mara", "b"),
        said(2, "Ana", "c", time=4e8),
        said(3, "Mara", "d", time=4e8 + 1),
    ]
    build(tmp_path, talk)
    assert [example.weight for example in built_examples(tmp_path)] == [0.3, 1.0]


def test_words_of_people_who_opted_out_and_answers_to_them_are_in_no_file(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/optouts.txt").write_text("# people\nbo  # asked on Monday\n")
    talk = [
        said(1, "Ana", "hi"),
        said(2, "Mara", "hello"),
        said(3, "Bo", "a secret"),
        said(4, "Mara", "what a secret"),
        said(5, "Ana", "what?", reply_to="3"),
        said(6, "Mara", "nothing"),
    ]
    built = build(tmp_path, talk)
    files = "".join((tmp_path / "work" / name).read_text() for name in (TRAIN, VALIDATION))
    assert built.left_out == {"written by somebody who opted out": 1, "said to somebody who opted out": 1}
    assert "a secret" not in files.replace("what a secret", "")
    assert Pseudonyms(tmp_path / "work").of("test", "bo") not in files
