"""The index of messages.jsonl reads each chat in its own order."""

from pathlib import Path

from tests.fixtures.training_messages import said
from training.store.chat_index import ChatIndex
from training.store.messages import to_lines


def test_a_chat_is_ordered_by_time_then_by_the_counter_then_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    written = {"10": 2.0, "9": 2.0, "~b": 1.0, "~a": 1.0}
    messages = [said(0, "Ana", "hm", id=id, time=time) for id, time in written.items()]
    path.write_bytes(to_lines(messages))
    with ChatIndex(path) as chats:
        (place,) = chats.places
        assert [chats.read_at(offset).id for offset in chats.offsets(place)] == ["~b", "~a", "9", "10"]
