"""What one message, dialogue or import may hold is bounded; what is beyond a bound is counted and said."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.fixtures.cpu_limit import peak_bytes
from tests.fixtures.import_command import PersonaFolder
from training.importers.chats.slack import messages as slack
from training.importers.datasets import alpaca, chatml, cutegpt, oasst, sharegpt, xtuner
from training.importers.reading import dialogue
from training.importers.reading.import_log import MOST_NOTES, ImportLog
from training.importers.reading.message_bounds import bound_message
from training.importers.reading.normalise import LONGEST_TEXT, discord_text
from training.importers.reading.sniff import sniff_head
from training.importers.reading.source import HEAD, Source
from training.store import participants
from training.store.messages import ExportedMessage
from training.store.participants import Participants

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
]
LONG = "x" * (LONGEST_TEXT + 1)


def message(**fields: Any) -> ExportedMessage:
    known = {"platform": "slack", "chat": "C1", "id": "1", "author": "U1", "author_name": "Ana"}
    return ExportedMessage(**{**known, "time": 1.0, "source": "day.json", "text": "Ahoy", **fields})


def source(content: object) -> Source:
    data = json.dumps(content).encode()
    return Source("x", "", len(data), lambda: io.BytesIO(data))


def test_a_message_within_the_bounds_is_the_same() -> None:
    log = ImportLog()
    for whole in (message(), message(text="x" * LONGEST_TEXT, media=("a.png",))):
        assert bound_message(whole, log) is whole
    assert log == ImportLog()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": LONG}, "longer than 100,000 characters"),
        ({"labels": ((0, 1, "mention"),) * 10_001}, "with more than 10,000 marked spans"),
        *(
            ({name: "9" * 201}, "with an id of more than 200 characters")
            for name in ("id", "reply_to", "quote", "lang")
        ),
    ],
)
def test_a_message_beyond_a_bound_is_left_out_and_counted(fields: dict[str, Any], reason: str) -> None:
    log = ImportLog()
    assert bound_message(message(**fields), log) is None
    assert log.skipped == {reason: 1}


def test_names_and_lists_of_files_are_cut() -> None:
    log = ImportLog()
    media = ("f" * 300,) * 101
    bounded = bound_message(message(author_name="N" * 101, chat_name="C" * 101, media=media), log)
    assert bounded == message(author_name="N" * 100, chat_name="C" * 100, media=("f" * 255,) * 100)
    assert list(log.notes) == ["Of messages with more than 100 files, the names of the first 100 are kept."]


def test_long_ids_of_chats_and_people_stay_different_and_are_short() -> None:
    names = ("chat", "author", "thread", "reply_chat")
    kept = set[str]()
    for end in "ab":
        bounded = bound_message(message(**dict.fromkeys(names, "9" * 500 + end)), ImportLog())
        assert bounded
        kept |= {getattr(bounded, name) for name in names}
    assert len(kept) == 2
    assert max(map(len, kept)) <= 200


def test_the_summary_of_an_import_tells_of_a_message_that_is_too_long(
    persona: PersonaFolder, tmp_path: Path
) -> None:
    day = tmp_path / "general" / "2024-01-01.json"
    day.parent.mkdir()
    said = [("1704067200.0", "Ahoy"), ("1704067201.0", LONG)]
    day.write_text(
        json.dumps([{"ts": ts, "type": "message", "user": "U1", "text": text} for ts, text in said])
    )
    done = persona.run(day.parent, me="U1")
    assert "Skipped: 1 longer than 100,000 characters." in done.stdout
    assert [kept.text for kept in persona.messages()] == ["Ahoy"]


def alpaca_example(text: str) -> object:
    return {"instruction": "Say", "output": text}


def alpaca_history(text: str) -> object:
    return {"instruction": "", "output": "", "history": [["Say", text]]}


def chatml_messages(text: str) -> object:
    return {"messages": [{"role": "user", "content": "Say"}, {"role": "assistant", "content": text}]}


def chatml_parts(text: str) -> object:
    said = [{"text": "Say"}, {"text": " it"}]
    return {
        "messages": [{"role": "user", "content": said}, {"role": "assistant", "content": [{"text": text}]}]
    }


def sharegpt_dialogue(text: str) -> object:
    return {"conversations": [{"from": "human", "value": "Say"}, {"from": "gpt", "value": text}]}


def sharegpt_system(text: str) -> object:
    return {"system": text, "conversations": [{"from": "human", "value": "Say"}]}


def xtuner_dialogue(text: str) -> object:
    return {"conversation": [{"input": "Say", "output": text}]}


def cutegpt_dialogue(text: str) -> object:
    return [{"instruction": "Say", "input": "", "output": text}]


DIALOGUES: dict[str, tuple[Callable[..., Any], Callable[[str], object]]] = {
    "alpaca": (alpaca.read, alpaca_example),
    "alpaca's history": (alpaca.read, alpaca_history),
    "chatml": (chatml.read, chatml_messages),
    "chatml in parts": (chatml.read, chatml_parts),
    "sharegpt": (sharegpt.read, sharegpt_dialogue),
    "sharegpt's system": (sharegpt.read, sharegpt_system),
    "xtuner": (xtuner.read, xtuner_dialogue),
    "cutegpt": (cutegpt.read, cutegpt_dialogue),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_dialogue_with_a_field_that_is_too_long_is_left_out_as_a_whole(name: str) -> None:
    read, record = DIALOGUES[name]
    log = ImportLog()
    assert len(list(read([source([record("short"), record(LONG)])], log))) == 2
    assert log.skipped == {"dialogues with a turn of more than 100,000 characters": 1}


def test_a_tree_ends_before_an_answer_that_is_too_long() -> None:
    def node(number: int, text: str, *replies: object) -> dict[str, object]:
        return {"message_id": str(number), "role": "prompter", "text": text, "replies": list(replies)}

    tree = {"message_tree_id": "1", "prompt": node(1, "a", node(2, LONG, node(3, "c")))}
    log = ImportLog()
    assert [each.text for each in oasst.read([source(tree)], log)] == ["a"]
    assert log.skipped == {"dialogues with a turn of more than 100,000 characters, from there on": 1}


def test_a_dialogue_of_too_many_turns_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "MOST_TURNS", 3)
    pairs = [[{"instruction": "a", "input": "", "output": "b"}] * count for count in (1, 2)]
    log = ImportLog()
    assert len(list(cutegpt.read([source(pairs)], log))) == 2
    assert log.skipped == {"dialogues of more than 3 turns": 1}


def test_names_are_put_into_no_text_that_is_too_long() -> None:
    mentions = {"of Slack": "<@1>" * 100_000, "of Discord": "<@!1>" * 100_000}
    assert slack._plain_text(mentions["of Slack"], {"1": "N" * 100}) == mentions["of Slack"]
    assert discord_text(mentions["of Discord"], {"1": "N" * 100}) == mentions["of Discord"]


@pytest.mark.parametrize("fields", [{"chat": "{}"}, {"author": "{}"}, {"author_name": "{}"}])
def test_an_import_of_too_many_chats_or_authors_is_refused(
    fields: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(participants, "MOST", 3)
    counted = Participants()
    found = [message(**{key: text.format(number) for key, text in fields.items()}) for number in range(4)]
    for each in found[:3]:
        counted.count_message(each)
    with pytest.raises(UserError, match=r"hold more than 3 (chats|names of authors): import them in parts\."):
        counted.count_message(found[3])


def test_notes_are_bounded_and_the_others_counted() -> None:
    log = ImportLog()
    for number in range(MOST_NOTES + 7):
        log.note(f"File {number} is cut off.")
    log.note("File 0 is cut off.")
    assert len(log.notes) == MOST_NOTES
    assert log.skipped == {"notes, which found no room": 7}


def test_long_keys_in_long_keys_do_not_multiply() -> None:
    key = "k" * (HEAD // 2)
    text = f'{{"{key}": {{' + ", ".join(f'"{number}": 1' for number in range(4_000))
    head = Source("x", "", len(text), lambda: io.BytesIO(text.encode()))
    assert peak_bytes(20 << 20, lambda: sniff_head(head))


def test_the_summary_names_twenty_chats_and_counts_the_others(persona: PersonaFolder, tmp_path: Path) -> None:
    for number in range(25):
        day = tmp_path / "export" / f"channel{number}" / "2024-01-01.json"
        day.parent.mkdir(parents=True)
        day.write_text(json.dumps([{"ts": "1704067200.0", "type": "message", "user": "U1", "text": "Ahoy"}]))
    done = persona.run(tmp_path / "export", me="U1")
    chats = done.stdout.partition("Chats:")[2].partition("Authors:")[0].strip().split("\n")
    assert (len(chats), chats[-1]) == (21, "  and 5 more")
