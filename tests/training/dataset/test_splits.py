"""The two splits: documents, lineage, private files, and no overlap between training and validation."""

import stat
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from tests.fixtures.training_messages import build, built_examples, read_split, said, serving
from training.dataset.selection import Limits
from training.dataset.splits import TRAIN, VALIDATION, choose_targets, read_excerpts
from training.dataset.targets import COPYABLE
from training.store.chat_index import ChatIndex
from training.store.lineage import Pseudonyms, read_opt_outs
from training.store.messages import ExportedMessage


def test_documents_are_facts_in_whole_paragraphs_and_other_files_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "life.md").write_text("\n\n".join(["She was born on Ness. " * 40] * 4))
    (folder / "photo.jpg").write_bytes(b"\xff")
    (folder / "bad.txt").write_bytes(b"\xff\xfe\x00")
    built = build(tmp_path, [said(1, "Ana", "a"), said(2, "Mara", "b")])
    facts = [found for found in read_split(tmp_path) if found.stage == "facts"]
    assert (
        "\n\n".join(found.text for found in facts)
        == (folder / "life.md").read_text().replace(" \n", "\n").strip()
    )
    assert (built.facts, len(facts)) == (2, 2)
    assert set(built.left_out) == {
        "documents that are neither .txt nor .md",
        "documents that are not UTF-8 text",
    }


def test_every_example_knows_its_messages_files_and_authors(tmp_path: Path) -> None:
    build(tmp_path, [said(1, "Ana", "hi", source="a.zip"), said(2, "Mara", "hello", source="b.json")])
    (example,) = built_examples(tmp_path)
    of = Pseudonyms(tmp_path / "work").of
    assert example.sources == ("1", "2")
    assert example.excerpt.sources == ("a.zip", "b.json")
    assert set(example.excerpt.authors) == {of("test", "ana"), of("test", "mara")}


def test_the_data_are_private_files(tmp_path: Path) -> None:
    build(tmp_path, [said(1, "Ana", "hi"), said(2, "Mara", "hello")])
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "work").iterdir()
        if path.name != "messages.jsonl"
    }
    assert modes == {0o600}


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([said(1, "Ana", "hi")], "Nobody in the messages is the persona: import them again with --me"),
        ([said(1, "Mara", "https://example.org")], r"Nothing is left to learn from \(1 nothing but links\)"),
        ([], "There are no messages at"),
    ],
)
def test_a_build_without_targets_is_refused_and_leaves_the_old_data(
    messages: list[ExportedMessage], reason: str, tmp_path: Path
) -> None:
    build(tmp_path, [said(1, "Ana", "hi"), said(2, "Mara", "hello")])
    before = (tmp_path / "work" / TRAIN).read_bytes()
    with pytest.raises(UserError, match=reason):
        build(tmp_path, messages)
    assert (tmp_path / "work" / TRAIN).read_bytes() == before


def test_a_missing_or_damaged_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`python -m training build` makes it"):
        list(read_excerpts(tmp_path / TRAIN))
    (tmp_path / TRAIN).write_text("{")
    with pytest.raises(UserError, match="build the data again"):
        list(read_excerpts(tmp_path / TRAIN))


TALK = st.lists(
    st.tuples(
        st.sampled_from(["Ana", "Bo", "Mara", "Mara"]),
        st.sampled_from("ab"),
        st.text("abc xyz", min_size=1, max_size=60).filter(lambda text: text.strip()),
        st.sampled_from([10.0, 300.0, 90_000.0]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=60,
).map(lambda lines: [*lines, ("Ana", "a", "so", 10.0, 0), ("Mara", "a", "the end", 10.0, 0)])


def chats(lines: list[tuple[str, str, str, float, int]]) -> list[ExportedMessage]:
    time, messages = 0.0, list[ExportedMessage]()
    for number, (name, chat, text, pause, back) in enumerate(lines):
        time += pause
        reply_to = str(number - back) if back else None
        messages.append(said(number, name, text, chat=chat, time=time, reply_to=reply_to))
    return messages


@settings(deadline=None, max_examples=20)
@given(TALK, st.integers(900, 4000))
def test_each_of_the_persons_messages_is_learned_once_or_counted(
    lines: list[tuple[str, str, str, float, int]], budget: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prompts = serving(budget)
        built = build(Path(folder), chats(lines), prompts)
        examples = built_examples(Path(folder), prompts)
        learned = Counter(id for example in examples for id in example.ids)
        own = {str(n) for n, line in enumerate(lines) if line[0] == "Mara"}
        assert set(learned) <= own
        assert set(learned.values()) == {1}
        assert bool(own - set(learned)) == bool(built.left_out)
        assert all(len(example.prompt.ids) <= budget for example in examples)


def long_examples(work: Path, split: str) -> set[tuple[int, int]]:
    """Return the hashes of questions with their long answers that one split has."""
    with ChatIndex(work / "messages.jsonl") as chats:
        selection = choose_targets(chats, read_opt_outs(work), len, Limits())
    targets = [each.target for chosen in selection.chosen for each in chosen if each.split == split]
    return {(target.question, target.text_hash) for target in targets if target.size >= COPYABLE}


@settings(deadline=None, max_examples=20)
@given(TALK)
def test_splits_share_no_conversation_and_no_copy_and_validation_is_newer(
    lines: list[tuple[str, str, str, float, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), chats(lines))
        splits = [read_split(Path(folder), name) for name in (TRAIN, VALIDATION)]
        sessions = [{target.session for found in split for target in found.aims} for split in splits]
        assert sessions[0].isdisjoint(sessions[1])
        learned, held = (long_examples(Path(folder) / "work", split) for split in ("train", "validation"))
        assert learned.isdisjoint(held)
        begun = [
            [(target.session, found.messages[target.start].time) for found in split for target in found.aims]
            for split in splits
        ]
        starts = [
            {session: min(t for s, t in split if s == session) for session, _ in split} for split in begun
        ]
        assert not sessions[1] or max(starts[0].values()) <= min(starts[1].values())
