"""The selection of targets: words that are left out, quotas, duplicates, caps and weights."""

from pathlib import Path

import pytest

from tests.fixtures.training_messages import build, built_examples, describe_examples, said, serving
from training.dataset.excerpt_builder import IN_CARD, TOO_LONG
from training.dataset.selection import Limits
from training.dataset.splits import TRAIN, VALIDATION
from training.store.lineage import Pseudonyms


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"text": "/play a song"}, "commands to bots"),
        ({"forwarded": True}, "forwarded"),
        ({"trained": False}, "not to be learned, says the data set"),
        ({"text": "", "kind": "image"}, "without words"),
        ({"text": "https://example.org/a [link]"}, "nothing but links"),
        ({"kind": "notice"}, "notices"),
        ({"kind": "system"}, "instructions of a data set"),
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


def test_a_flood_of_a_short_phrase_is_cut_to_its_quota_and_stays_spread_over_time(tmp_path: Path) -> None:
    talk = [said(n, "Mara" if n % 2 else "Ana", "ok" if n % 2 else f"say {n}") for n in range(200)]
    built = build(tmp_path, talk)
    kept = [int(example.ids[0]) for example in built_examples(tmp_path)]
    assert built.left_out == {"short phrases over their quota": 95}
    assert sorted(kept) == [1, 41, 81, 121, 161]


def test_near_duplicates_are_learned_once(tmp_path: Path) -> None:
    words = "the storm took the roof of the boat house last night and nobody heard a thing until the morning"
    texts = [
        words,
        words.upper() + "!!",
        words + " came",
        "nobody heard the storm, and the roof is still there",
    ]
    talk = [
        m for n, text in enumerate(texts) for m in (said(2 * n, "Ana", "?"), said(2 * n + 1, "Mara", text))
    ]
    assert build(tmp_path, talk).left_out == {"repeated word for word": 1, "nearly repeated": 1}


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
