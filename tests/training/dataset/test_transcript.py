"""The utterances of a chat are found once; excerpts are built of the transcript that this leaves."""

from pathlib import Path

import pytest

from tests.fixtures.training_messages import build, said, serving
from training.dataset import targets, utterances
from training.dataset.targets import find_targets
from training.store.chat_index import ChatIndex
from training.store.messages import to_lines

TALK = [
    said(1, "Ana", "hi"),
    said(2, "Mara", "well"),
    said(3, "Mara", "hello", time=130.0),
    said(4, "Ana", "", kind="notice"),
    said(5, "Ana", "/play", time=300.0),
    said(6, "Mara", "https://example.org"),
    said(7, "Mara", "good morning", time=90_000.0),
]


def test_a_transcript_reads_the_turns_that_were_found(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_bytes(to_lines(TALK))
    with ChatIndex(path) as chats:
        found = find_targets(chats, set(), len)
        (transcript,) = found.transcripts.values()
        turns = [
            ([each.id for each in turn.messages], turn.is_burst, turn.opens)
            for turn in transcript.turns(chats)
        ]
    assert turns == [
        (["1"], False, False),
        (["2", "3"], True, False),
        (["6"], False, False),
        (["7"], True, True),
    ]
    assert [target.ids for target in found.targets] == [("2", "3"), ("7",)]
    assert found.left_out == {"notices": 1, "commands to bots": 1, "nothing but links": 1}


@pytest.mark.parametrize(
    "messages",
    [
        [each for each in TALK if each.author == "mara"],
        [said(1, "Bo", "hm", chat_kind="timeline"), said(2, "Mara", "so", chat_kind="timeline")],
        [said(1, "Ana", "hi"), said(2, "Bo", "hi")],
    ],
    ids=["one side", "posts", "no target"],
)
def test_chats_in_which_nobody_answers_have_no_transcript(messages: list[object], tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_bytes(to_lines(messages))  # type: ignore[arg-type]
    with ChatIndex(path) as chats:
        assert find_targets(chats, set(), len).transcripts == {}


def test_utterances_are_found_once_for_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def count(*arguments: object) -> object:
        found.append(arguments)
        return utterances.find_utterances(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(targets, "find_utterances", count)
    build(tmp_path, [*TALK, said(8, "Ana", "hm", chat="other")], serving())
    assert len(found) == 2
