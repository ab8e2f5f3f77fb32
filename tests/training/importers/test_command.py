"""`python -m training import` as a person meets it."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pexpect
import pytest

from tests.paths import EXPORTS, ROOT
from training.__main__ import main
from training.store.message_store import MessageStore, read_messages
from training.store.messages import ExportedMessage, from_line


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class House:
    """A folder with settings and one persona."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "personas" / "mara" / "work"
        (folder / "personas" / "mara").mkdir(parents=True)
        (folder / "config.toml").write_text("", encoding="utf-8")

    def arguments(self, *paths: object, **more: str) -> list[str]:
        options = [part for key, value in more.items() for part in (f"--{key}", value)]
        config = ["--config", str(self.folder / "config.toml")]
        return [*config, "import", "--persona", "mara", *options, *map(str, paths)]

    def run(self, *paths: object, **more: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(self.arguments(*paths, **more))
        return Done(code, out.getvalue(), err.getvalue())

    def json(self, *paths: object, **more: str) -> dict[str, Any]:
        done = self.run("--json", *paths, **more)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    @property
    def file(self) -> Path:
        return self.work / "messages.jsonl"

    def left(self) -> list[str]:
        """The files in the folder of work, but for the lock."""
        return sorted(path.name for path in self.work.iterdir() if path.suffix != ".lock")

    def said(self) -> list[ExportedMessage]:
        return list(read_messages(self.file))

    def mine(self) -> set[str]:
        return {said.author for said in self.said() if said.is_self}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_says_what_it_did_and_what_comes_next(house: House) -> None:
    done = house.run(EXPORTS / "telegram/full.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "Telegram: 7 new messages, 0 known before."
    assert "Skipped: 1 chats with bots, 1 chats of verification codes." in done.stdout
    assert any(
        line.split() == "telegram Ana Reed me 3 2023-04-01 to 2023-04-01".split()
        for line in done.stdout.splitlines()
    )
    assert done.stdout.splitlines()[-2:] == [
        f"{house.file} holds 7 messages.",
        "Next: python -m training build --persona mara",
    ]


def test_json_says_the_same_to_programs(house: House) -> None:
    told = house.json(EXPORTS / "telegram/full.json", EXPORTS / "slack", me="U1")
    assert told["formats"] == ["Telegram", "Slack"]
    assert told["me"] == {"telegram": ["user1"], "slack": ["U1"]}
    assert told["chats"][0] == {
        "platform": "telegram",
        "id": "2",
        "name": "Bo",
        "messages": 2,
        "kind": "direct",
        "first": "2023-04-01",
        "last": "2023-04-01",
    }
    assert (told["added"], told["doubled"], told["skipped"]["written by bots"]) == (13, 0, 2)


def test_the_file_is_private_and_alone(house: House) -> None:
    house.json(EXPORTS / "telegram/full.json")
    assert house.left() == ["messages.jsonl"]
    assert stat.S_IMODE(house.file.stat().st_mode) == 0o600


def test_every_line_is_a_message_as_serving_knows_it(house: House) -> None:
    house.json(EXPORTS / "telegram/single.json", me="Ana Reed")
    lines = house.file.read_bytes().splitlines()
    message = from_line(lines[1]).message()
    assert (
        message.place.platform,
        message.place.chat,
        message.id,
        message.author.id,
        message.text,
        message.reply_to,
    ) == (
        "telegram",
        "4242",
        "2",
        "user2",
        "the lamp is out",
        "1",
    )
    assert message.time == 1680343202.0


def test_a_reply_into_another_chat_is_none_for_serving(house: House) -> None:
    house.json(EXPORTS / "telegram/single.json", me="Ana Reed")
    (said,) = [said for said in house.said() if said.id == "16"]
    assert (said.reply_to, said.message().reply_to) == ("3", None)


def test_a_second_import_adds_nothing_and_changes_nothing(house: House) -> None:
    first = house.json(EXPORTS / "x/manifest")
    before = house.file.read_bytes()
    second = house.json(EXPORTS / "x/manifest")
    assert (first["added"] > 0, second["added"], second["doubled"]) == (
        True,
        0,
        first["added"] + first["doubled"],
    )
    assert house.file.read_bytes() == before


def test_a_newer_export_adds_only_what_is_new(house: House, tmp_path: Path) -> None:
    house.json(EXPORTS / "discord_exporter/guild.json", me="100")
    told = house.json(EXPORTS / "discord_exporter/guild [part 2].json")
    assert (told["added"], told["doubled"]) == (1, 1)
    assert [said.text for said in house.said()][-1] == "second part"


@pytest.mark.parametrize(
    "name", ["whatsapp/WhatsApp Chat with Bo.txt", "line/english.txt", "qq/records.txt", "meta/instagram"]
)
def test_messages_without_ids_are_known_again(name: str, house: House) -> None:
    me = {"me": "Ana"} if name != "qq/records.txt" else {"me": "123456"}
    house.json(EXPORTS / name, **me)
    assert house.json(EXPORTS / name)["added"] == 0


def test_who_the_persona_was_is_remembered(house: House) -> None:
    house.json(EXPORTS / "discord_exporter/guild.json", me="Ana Reed")
    assert house.json(EXPORTS / "discord_exporter/thread.json")["me"] == {"discord": ["100"]}
    assert house.mine() == {"100"}


def test_without_a_terminal_it_asks_by_listing_the_candidates(house: House) -> None:
    done = house.run(EXPORTS / "discord_exporter/guild.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "training: Who is the persona on discord? Say --me with a name or an id: "
        "there are Ana Reed (100), Bo (101).\n"
    )
    assert not house.file.exists()


def test_a_name_that_is_nobodys_lists_who_there_is(house: House) -> None:
    done = house.run(EXPORTS / "discord_exporter/guild.json", me="Cy")
    assert done.returncode == 2
    assert "Nobody in these exports is 'Cy': there are Ana Reed (100), Bo (101)." in done.stderr


@pytest.mark.parametrize("me", ["100", "ana reed", "Ana Reed"])
def test_me_is_a_name_or_an_id(me: str, house: House) -> None:
    house.json(EXPORTS / "discord_exporter/guild.json", me=me)
    assert house.mine() == {"100"}


def test_a_person_may_be_chosen_whom_the_export_does_not_mean(house: House) -> None:
    house.json(EXPORTS / "telegram/full.json", me="Bo")
    assert house.mine() == {"user2"}


@pytest.fixture
def ask(house: House) -> Iterator[Callable[..., "pexpect.spawn[str]"]]:
    started = []

    def start(*paths: object) -> "pexpect.spawn[str]":
        child = pexpect.spawn(
            sys.executable,
            ["-m", "training", *house.arguments(*paths)],
            cwd=str(ROOT),
            encoding="utf-8",
            timeout=30,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


@pytest.mark.parametrize("answer", ["2", "Bo", "101"])
def test_on_a_terminal_it_asks_once(answer: str, house: House, ask: Callable[..., Any]) -> None:
    child = ask(EXPORTS / "discord_exporter/guild.json")
    child.expect("Who is the persona on discord")
    child.expect("Number, name or id: ")
    child.sendline(answer)
    child.expect("Next: python -m training build")
    child.expect(pexpect.EOF)
    child.wait()
    assert house.mine() == {"101"}


def test_an_answer_that_is_nobody_changes_nothing(house: House, ask: Callable[..., Any]) -> None:
    child = ask(EXPORTS / "discord_exporter/guild.json")
    child.expect("Number, name or id: ")
    child.sendline("9")
    child.expect("'9' is none of them")
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, house.file.exists()) == (2, False)


def test_no_answer_changes_nothing(house: House, ask: Callable[..., Any]) -> None:
    child = ask(EXPORTS / "discord_exporter/guild.json")
    child.expect("Number, name or id: ")
    child.sendeof()
    child.expect("'' is none of them")
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, house.file.exists()) == (2, False)


def test_names_cannot_move_the_cursor(house: House, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    whole = (EXPORTS / "telegram/single.json").read_text(encoding="utf-8")
    path.write_text(whole.replace('"Bo"', '"Bo\\u001b[2J"'), encoding="utf-8")
    assert "\x1b" not in house.run(path).stderr + house.run(path, me="Ana Reed").stdout


def test_an_earlier_account_stays_the_personas_own(house: House) -> None:
    house.json(EXPORTS / "discord_exporter/direct.json", me="100")
    house.json(EXPORTS / "discord_exporter/thread.json", EXPORTS / "discord_exporter/raw.json")
    house.json(EXPORTS / "discord_exporter/guild.json", me="101")
    assert house.mine() == {"100", "101"}


def test_someone_elses_archive_is_told_by_its_owner(house: House, tmp_path: Path) -> None:
    house.json(EXPORTS / "x/gdpr")
    shutil.copytree(EXPORTS / "x/gdpr", tmp_path / "theirs")
    account = tmp_path / "theirs/account.js"
    account.write_text(account.read_text().replace('"900"', '"901"').replace("Moss", "Reed"))
    before = house.file.read_bytes()
    done = house.run(tmp_path / "theirs")
    assert done.returncode == 2
    assert "This export belongs to Reed (901), but so far the persona's x messages are by 900" in done.stderr
    assert house.file.read_bytes() == before
    assert house.run(tmp_path / "theirs", me="901").returncode == 0


HTML = {
    "telegram": (
        '<!DOCTYPE html>\n<html><body><div class="page_wrap">',
        "In Telegram Desktop choose Export chat history",
    ),
    "discord": ('<!DOCTYPE html><html><div class="chatlog__message">', "In DiscordChatExporter choose JSON"),
    "meta": (
        '<html><head></head><body><div class="_a6-g">',
        "In Meta's Download your information choose JSON",
    ),
    "any": ("<?xml version='1.0'?>\n<html>", "Export again, and choose JSON as the format"),
}


@pytest.mark.parametrize("text", HTML.values(), ids=HTML)
def test_a_page_for_people_is_refused_with_the_way_to_json(
    text: tuple[str, str], house: House, tmp_path: Path
) -> None:
    path = tmp_path / "messages.html"
    path.write_text(text[0], encoding="utf-8")
    done = house.run(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text[1] in done.stderr


COMPLAINTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty: export it again."),
    "white": (b" \n ", "is empty: export it again."),
    "no export": (b"dear diary", "holds no export that is known: X (Twitter) archive, DiscordChatExporter,"),
    "truncated": (
        (EXPORTS / "telegram/single.json").read_bytes()[:900],
        "ends in the middle: export or copy it again.",
    ),
    "wrong encoding": (
        (EXPORTS / "telegram/single.json").read_bytes().replace(b"harbour", b"harb\xf6ur"),
        "is not valid JSON near byte",
    ),
    "an ambiguous date": (
        b"3/4/20, 10:00 - Ana: one\n3/4/20, 10:01 - Bo: two\n",
        "is 3/4/20 day or month first? Say --dates",
    ),
    "another table": (
        b"Comment ID,Channel ID,Comment Create Timestamp,Comment Text\n1,2,3,x\n",
        "holds no export",
    ),
    "no message": (
        b'{"type": "bot_chat", "id": 1, "messages": [{"id": 1, "text": "x", "from_id": "user1"}]}',
        "There is no message in",
    ),
}


@pytest.mark.parametrize(("data", "sentence"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_bad_input_gets_one_sentence(data: bytes, sentence: str, house: House, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(data)
    done = house.run(path, me="Ana")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr
    assert str(path) in done.stderr
    assert not house.file.exists()


@pytest.mark.parametrize(("order", "day"), [("day", "2020-04-03"), ("month", "2020-03-04")])
def test_dates_settle_what_a_file_does_not_show(order: str, day: str, house: House, tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_bytes(COMPLAINTS["an ambiguous date"][0])
    assert house.json(path, me="Ana", dates=order)["chats"][0]["first"] == day


def test_paths_that_do_not_exist_and_unknown_personas_are_named(house: House) -> None:
    assert "There is nothing at /nowhere: check the path" in house.run("/nowhere").stderr
    done = house.run(EXPORTS / "slack", persona="nobody")
    assert (done.returncode, "There is no persona 'nobody'" in done.stderr) == (2, True)


def test_one_bad_file_among_good_ones_changes_nothing(house: House, tmp_path: Path) -> None:
    house.json(EXPORTS / "slack", me="U1")
    before = house.file.read_bytes()
    broken = tmp_path / "result.json"
    broken.write_bytes((EXPORTS / "telegram/full.json").read_bytes()[:-40])
    assert house.run(EXPORTS / "x/manifest", broken).returncode == 2
    assert house.file.read_bytes() == before
    assert house.left() == ["messages.jsonl"]


def test_what_a_killed_import_left_is_cleared_away(house: House) -> None:
    house.work.mkdir()
    (house.work / "messages.jsonl.new").write_bytes(b"half a li")
    house.json(EXPORTS / "slack", me="U1")
    assert house.left() == ["messages.jsonl"]


def test_two_imports_at_once_are_not_mixed(house: House) -> None:
    house.json(EXPORTS / "slack", me="U1")
    with MessageStore(house.file):
        done = house.run(EXPORTS / "telegram/full.json")
    assert (done.returncode, "is being written by another import" in done.stderr) == (2, True)


def test_a_full_disk_changes_nothing(house: House, tmp_path: Path) -> None:
    house.json(EXPORTS / "slack", me="U1")
    before = house.file.read_bytes()
    code = (
        "import resource, sys; from training.__main__ import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", code, *house.arguments(EXPORTS / "telegram/full.json")]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "cannot be written: File too large" in done.stderr) == (2, True), done.stderr
    assert house.file.read_bytes() == before
    assert house.left() == ["messages.jsonl"]


def test_a_damaged_file_of_messages_is_named(house: House) -> None:
    house.json(EXPORTS / "slack", me="U1")
    house.file.write_bytes(house.file.read_bytes()[:-9])
    done = house.run(EXPORTS / "telegram/full.json")
    assert (done.returncode, f"{house.file} is damaged" in done.stderr) == (2, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(house: House) -> None:
    house.work.mkdir()
    house.work.chmod(0o500)
    assert "cannot be written" in house.run(EXPORTS / "slack", me="U1").stderr


def test_without_its_libraries_it_says_how_to_install_them() -> None:
    code = "import sys; sys.modules['msgspec'] = None; import training.__main__"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == "training: msgspec is not installed: run `pip install '.[train]'`.\n"
    assert done.returncode == 1


def test_on_a_terminal_it_shows_how_far_it_is(house: House, tmp_path: Path, ask: Callable[..., Any]) -> None:
    messages = [
        {
            "id": number,
            "type": "message",
            "date_unixtime": "1680343200",
            "from_id": "user2",
            "text": "tide " * 200,
        }
        for number in range(30_000)
    ]
    path = tmp_path / "result.json"
    path.write_text(
        json.dumps({"type": "personal_chat", "name": "Bo", "id": 2, "messages": messages}, indent=1)
    )
    child = ask(path)
    child.expect("Reading")
    child.expect("MB/s")
    child.expect("Who is the persona")
