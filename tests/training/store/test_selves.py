"""selves.json names the persona for all readers of messages.jsonl; folders without it go on working."""

import json
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.fixtures.training_messages import build, said
from tests.paths import ROOT
from training.commands.forget import forget
from training.store.chat_index import ChatIndex
from training.store.message_store import MessageStore, read_messages
from training.store.messages import ExportedMessage, to_lines
from training.store.selves import Selves, read_selves

OLD = [
    said(1, "Ana", "is the light on?", author="17"),
    said(2, "Mara", "always", author="1"),
    said(3, "Ana", "joined the room", author="17", kind="notice", is_self=False),
]
UNSETTLED = [
    said(1, "Ana", "is the light on?", author="17", is_self=None),
    said(2, "Mara", "always", author="1", is_self=None),
    said(3, "Mara", "renamed the room", author="1", is_self=None, kind="notice"),
    said(4, "Mara", "You keep a light.", author="1", is_self=None, kind="system"),
]
CRASH = """
import os, signal, sys
from pathlib import Path
from tests.training.store.test_selves import OLD, put
renames = []
def replace(source, target, real=os.replace):
    if len(renames) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    renames.append(target)
    real(source, target)
os.replace = replace
put(Path(sys.argv[1]), OLD, {"17"})
"""


def put(work: Path, messages: Sequence[ExportedMessage], selves: set[str]) -> None:
    """Write messages and the persona's ids on the platform "test" as an import does."""
    with MessageStore(work) as store:
        for message in messages:
            store.append(message)
        store.add_selves({"test": selves})


def persona_texts(work: Path) -> list[str]:
    """Return what the persona wrote, and check that every reader of the folder gives the same answer."""
    texts = [each.text for each in read_messages(work / "messages.jsonl") if each.is_self]
    with ChatIndex(work / "messages.jsonl") as chats:
        indexed = [each for place in chats.places for each in map(chats.read_at, chats.offsets(place))]
        assert chats.knows_self is bool(texts)
    assert sorted(each.text for each in indexed if each.is_self) == sorted(texts)
    return texts


def killed_import(work: Path, renames: int) -> None:
    """Import OLD with Ana as the persona in a process that kill -9 ends after so many renames."""
    arguments = [sys.executable, "-c", CRASH, str(work), str(renames)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == -9, done.stderr


def test_selves_decide_over_the_lines(tmp_path: Path) -> None:
    put(tmp_path, UNSETTLED, {"1"})
    assert persona_texts(tmp_path) == ["always"]
    assert json.loads((tmp_path / "selves.json").read_bytes()) == {"test": ["1"]}
    assert stat.S_IMODE((tmp_path / "selves.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["notice", "system"])
def test_a_notice_and_a_system_text_are_never_the_personas(kind: str) -> None:
    assert Selves({"test": frozenset({"1"})}).is_self("test", "1", kind, True) is False


def test_a_folder_without_selves_is_read_by_its_lines(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_bytes(to_lines(OLD))
    assert persona_texts(tmp_path) == ["always"]
    assert list(read_messages(tmp_path / "messages.jsonl")) == OLD


def test_a_folder_without_selves_knows_the_persona_when_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_bytes(to_lines(OLD))
    with MessageStore(tmp_path) as store:
        assert store.selves == {"test": {"1"}}
    assert (tmp_path / "messages.jsonl").read_bytes() == to_lines(OLD)
    assert not (tmp_path / "selves.json").exists()


def test_an_import_into_a_folder_without_selves_names_only_its_own_platforms(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_bytes(to_lines([*OLD, said(5, "Mara", "hm", platform="x")]))
    put(tmp_path, [said(6, "Mara", "a second account", author="2", is_self=None)], {"2"})
    assert persona_texts(tmp_path) == ["always", "hm", "a second account"]
    assert read_selves(tmp_path).ids == {"test": frozenset({"1", "2"})}


def test_another_person_is_chosen_without_writing_messages_anew(tmp_path: Path) -> None:
    put(tmp_path, UNSETTLED, {"1"})
    before = (tmp_path / "messages.jsonl").read_bytes()
    put(tmp_path, [], {"17"})
    assert (tmp_path / "messages.jsonl").read_bytes() == before
    assert persona_texts(tmp_path) == ["is the light on?", "always"]


def test_a_kill_before_the_first_rename_leaves_the_old_state(tmp_path: Path) -> None:
    put(tmp_path, UNSETTLED, {"1"})
    killed_import(tmp_path, 0)
    assert persona_texts(tmp_path) == ["always"]
    with MessageStore(tmp_path) as store:
        assert store.selves == {"test": {"1"}}
    assert sorted(path.name for path in tmp_path.glob("*.new")) == []


def test_a_kill_between_the_renames_leaves_the_new_state(tmp_path: Path) -> None:
    put(tmp_path, [said(9, "Mara", "hm", author="1")], {"1"})
    killed_import(tmp_path, 1)
    texts = ["hm", "is the light on?", "always"]
    assert persona_texts(tmp_path) == texts
    with MessageStore(tmp_path) as store:
        assert store.selves == {"test": {"1", "17"}}
    assert sorted(path.name for path in tmp_path.glob("*.new")) == []
    assert persona_texts(tmp_path) == texts


def test_forget_after_a_kill_between_the_renames_keeps_the_new_selves(tmp_path: Path) -> None:
    work = tmp_path / "work"
    put(work, [*OLD, said(9, "Bo", "hm", author="18")], {"1"})
    killed_import(work, 1)
    assert forget(tmp_path, "18").messages == 1
    assert read_selves(work).ids == {"test": frozenset({"1", "17"})}


def test_forget_refuses_the_persona_of_selves(tmp_path: Path) -> None:
    put(tmp_path / "work", UNSETTLED, {"1"})
    with pytest.raises(UserError, match="'Mara' is the persona"):
        forget(tmp_path, "Mara")
    assert forget(tmp_path, "Ana").messages == 1
    assert persona_texts(tmp_path / "work") == ["always"]


def test_forget_waits_for_an_import(tmp_path: Path) -> None:
    put(tmp_path / "work", OLD, {"1"})
    with (
        MessageStore(tmp_path / "work"),
        pytest.raises(UserError, match="being written by another"),
    ):
        forget(tmp_path, "Ana")


def test_a_failed_import_keeps_the_selves(tmp_path: Path) -> None:
    put(tmp_path, OLD, {"1"})

    def fail() -> None:
        with MessageStore(tmp_path) as store:
            store.add_selves({"test": {"17"}})
            raise UserError("the export is damaged")

    with pytest.raises(UserError, match="the export is damaged"):
        fail()
    assert read_selves(tmp_path).ids == {"test": frozenset({"1"})}


def test_damaged_selves_are_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "selves.json").write_text("[")
    with pytest.raises(UserError, match="delete it and import again with --me"):
        read_selves(tmp_path)


def test_a_folder_without_selves_builds_the_same_data(tmp_path: Path) -> None:
    messages = [*OLD, said(9, "Ana", "goodnight", author="17"), said(10, "Mara", "sleep well", author="1")]
    build(tmp_path, messages)
    old = (tmp_path / "work/train.jsonl").read_bytes()
    put(tmp_path / "work", [], {"1"})
    build(tmp_path, messages)
    assert b"sleep well" in old
    assert (tmp_path / "work/train.jsonl").read_bytes() == old
