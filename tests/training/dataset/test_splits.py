"""From messages to examples: what is learned, left out and held out, and whose words it is."""

import stat
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from tests.fakes.model import ByteTokenizer
from tests.fixtures.training_messages import build, excerpts, made, said, serving
from training.dataset.duplicates import SIMILAR, minhash, normal_form, similarity
from training.dataset.excerpt_builder import IN_CARD, TOO_LONG
from training.dataset.selection import Limits
from training.dataset.splits import TRAIN, VALIDATION, read_excerpts
from training.dataset.targets import COPYABLE
from training.store.lineage import Pseudonyms
from training.store.messages import ExportedMessage

DAY = 86_400.0


def shown(folder: Path) -> list[tuple[str, str, str]]:
    """Of each example its task, what its prompt shows of the chat, and the answer."""
    spell = ByteTokenizer().spell
    return [
        (
            example.task,
            "|".join(
                spell(example.prompt.ids[s.start : s.end]).strip()
                for s in example.prompt.spans
                if s.kind in ("message", "quote")
            ),
            "\n".join(example.answer),
        )
        for example in made(folder)
    ]


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
    assert shown(tmp_path) == [
        ("answer", "Ana: hi", "well\nhello"),
        ("answer", "Ana: hi|well|hello|Ana: so?", "so\nit is"),
    ]


def test_what_is_added_later_is_said_anew(tmp_path: Path) -> None:
    build(tmp_path, [said(1, "Ana", "hi"), said(2, "Mara", "hm"), said(9, "Mara", "are you there?")])
    assert [answer for _, _, answer in shown(tmp_path)] == ["hm", "are you there?"]


def test_who_breaks_a_silence_opens_a_conversation_and_answers_nothing(tmp_path: Path) -> None:
    build(
        tmp_path,
        [
            said(1, "Ana", "bye"),
            said(2, "Mara", "good morning", time=DAY),
            said(3, "Ana", "oh", time=DAY + 9),
        ],
    )
    assert shown(tmp_path) == [("opening", "", "good morning")]


def test_an_answer_across_a_silence_is_known_by_its_reply_link(tmp_path: Path) -> None:
    build(tmp_path, [said(1, "Ana", "tea?"), said(2, "Mara", "yes!", time=DAY, reply_to="1")])
    assert shown(tmp_path) == [("answer", "Ana: tea?", "yes!")]


def test_chats_are_never_joined(tmp_path: Path) -> None:
    messages = [
        said(n, who, f"{chat}{n}", chat=chat, time=float(n))
        for n in range(40)
        for chat in "ab"
        for who in ["Ana" if n % 2 else "Mara"]
    ]
    build(tmp_path, messages)
    for found in (*excerpts(tmp_path), *excerpts(tmp_path, VALIDATION)):
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
    assert sorted(shown(tmp_path)) == sorted(
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
    weights = {example.task: example.weight for example in made(tmp_path)}
    assert weights["unknown parent"] == 0.3 * weights["post"]


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
def test_what_is_not_the_persons_own_talk_is_left_out_and_counted(
    more: dict[str, object], reason: str, tmp_path: Path
) -> None:
    pasted = said(1, "Bo", "word " * 60, chat="other")
    odd = said(9, "Mara", **{"text": "look at this", **more})  # type: ignore[arg-type]
    talk = [pasted, said(3, "Ana", "hi"), said(4, "Mara", "hello"), odd]
    built = build(tmp_path, talk)
    assert built.left_out == {reason: 1}
    assert [answer for _, _, answer in shown(tmp_path)] == ["hello"]


def test_words_of_the_card_and_answers_to_what_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    made_for = serving(1200)
    talk = [
        said(1, "Ana", "x" * 1500),
        said(2, "Mara", "goodness"),
        said(3, "Ana", "hm"),
        said(4, "Mara", "yes"),
    ]
    built = build(tmp_path, talk, made_for)
    assert built.left_out == {TOO_LONG: 1}
    assert IN_CARD not in built.left_out


@pytest.mark.parametrize("time", [119.0, 120.0])
def test_a_reply_to_what_comes_later_gives_nothing_away(time: float, tmp_path: Path) -> None:
    talk = [
        said(1, "Ana", "hi"),
        said(3, "Ana", "you say so?", time=time, reply_to="4"),
        said(4, "Mara", "so", time=120.0),
    ]
    build(tmp_path, talk)
    assert not any(
        shown_ == "[In reply to Mara: so]"
        for _, context, _ in shown(tmp_path)
        for shown_ in context.split("|")
    )


def test_a_flood_of_a_short_phrase_is_cut_to_its_quota_and_stays_spread_over_time(tmp_path: Path) -> None:
    talk = [said(n, "Mara" if n % 2 else "Ana", "ok" if n % 2 else f"say {n}") for n in range(200)]
    built = build(tmp_path, talk)
    kept = [int(example.ids[0]) for example in made(tmp_path)]
    assert built.left_out == {"short phrases over their quota": 95}
    assert sorted(kept) == [1, 41, 81, 121, 161]


def test_what_is_said_again_in_nearly_the_same_words_is_learned_once(tmp_path: Path) -> None:
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


def test_of_one_chat_the_newest_are_learned_up_to_its_cap(tmp_path: Path) -> None:
    talk = [said(n, "Mara" if n % 2 else "Ana", f"number {n}", time=n * 5000.0) for n in range(100)]
    for n in range(1, 100, 2):
        talk[n] = said(n, "Mara", f"number {n}", time=n * 5000.0, reply_to=str(n - 1))
    built = build(tmp_path, talk, limits=Limits(per_chat=10))
    learned = sorted(int(aim.ids[0]) for aim in made(tmp_path))
    assert sum(built.train.values()) == 10
    assert learned == list(range(71, 100, 2))


def test_newer_words_count_more(tmp_path: Path) -> None:
    talk = [
        said(0, "Ana", "a"),
        said(1, "Mara", "b"),
        said(2, "Ana", "c", time=4e8),
        said(3, "Mara", "d", time=4e8 + 1),
    ]
    build(tmp_path, talk)
    assert [example.weight for example in made(tmp_path)] == [0.3, 1.0]


def test_words_of_who_opted_out_are_nowhere_and_answers_to_them_neither(tmp_path: Path) -> None:
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


def test_documents_are_facts_in_whole_paragraphs_and_other_files_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "life.md").write_text("\n\n".join(["She was born on Ness. " * 40] * 4))
    (folder / "photo.jpg").write_bytes(b"\xff")
    (folder / "bad.txt").write_bytes(b"\xff\xfe\x00")
    built = build(tmp_path, [said(1, "Ana", "a"), said(2, "Mara", "b")])
    facts = [found for found in excerpts(tmp_path) if found.stage == "facts"]
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
    (example,) = made(tmp_path)
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
def test_without_anything_to_learn_it_says_so_and_leaves_the_old_data(
    messages: list[ExportedMessage], reason: str, tmp_path: Path
) -> None:
    build(tmp_path, [said(1, "Ana", "hi"), said(2, "Mara", "hello")])
    before = (tmp_path / "work" / TRAIN).read_bytes()
    with pytest.raises(UserError, match=reason):
        build(tmp_path, messages)
    assert (tmp_path / "work" / TRAIN).read_bytes() == before


def test_missing_or_damaged_data_are_refused_in_words(tmp_path: Path) -> None:
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
        made_for = serving(budget)
        built = build(Path(folder), chats(lines), made_for)
        examples = made(Path(folder), made_for)
        learned = Counter(id for example in examples for id in example.ids)
        own = {str(n) for n, line in enumerate(lines) if line[0] == "Mara"}
        assert set(learned) <= own
        assert set(learned.values()) == {1}
        assert bool(own - set(learned)) == bool(built.left_out)
        assert all(len(example.prompt.ids) <= budget for example in examples)


@settings(deadline=None, max_examples=20)
@given(TALK)
def test_no_conversation_and_no_copy_is_on_both_sides_and_what_is_held_is_newer(
    lines: list[tuple[str, str, str, float, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), chats(lines))
        sides = [excerpts(Path(folder), name) for name in (TRAIN, VALIDATION)]
        sessions = [{aim.session for found in side for aim in found.aims} for side in sides]
        words = [
            [
                normal_form("\n".join(x.text for x in found.messages[a.start : a.end]))
                for found in side
                for a in found.aims
            ]
            for side in sides
        ]
        assert sessions[0].isdisjoint(sessions[1])
        for one in words[0]:
            for other in words[1]:
                long = min(len(one), len(other)) >= COPYABLE
                assert not long or similarity(minhash(one), minhash(other)) < SIMILAR
        begun = [
            [(aim.session, found.messages[aim.start].time) for found in side for aim in found.aims]
            for side in sides
        ]
        starts = [{session: min(t for s, t in side if s == session) for session, _ in side} for side in begun]
        assert not sessions[1] or max(starts[0].values()) <= min(starts[1].values())
