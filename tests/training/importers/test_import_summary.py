"""`python -m training import` as a person meets it: the summary, and the file that it writes."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from training.store.messages import from_line


def test_it_says_what_it_did_and_what_comes_next(persona: PersonaFolder) -> None:
    done = persona.run(EXPORTS / "telegram/full.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "Telegram: 7 new messages, 0 known before."
    assert "Skipped: 1 chats with bots, 1 chats of verification codes." in done.stdout
    assert any(
        line.split() == "telegram Ana Reed me 3 2023-04-01 to 2023-04-01".split()
        for line in done.stdout.splitlines()
    )
    assert done.stdout.splitlines()[-2:] == [
        f"{persona.file} holds 7 messages.",
        "Next: python -m training build --persona mara",
    ]


def test_json_says_the_same_to_programs(persona: PersonaFolder) -> None:
    summary = persona.json(EXPORTS / "telegram/full.json", EXPORTS / "slack", me="U1")
    assert summary["formats"] == ["Telegram", "Slack"]
    assert summary["me"] == {"telegram": ["user1"], "slack": ["U1"]}
    assert summary["chats"][0] == {
        "platform": "telegram",
        "id": "2",
        "name": "Bo",
        "messages": 2,
        "kind": "direct",
        "first": "2023-04-01",
        "last": "2023-04-01",
    }
    assert (summary["added"], summary["doubled"], summary["skipped"]["written by bots"]) == (13, 0, 2)


def test_the_file_is_private_and_alone(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "telegram/full.json")
    assert persona.files() == ["messages.jsonl", "selves.json"]
    assert stat.S_IMODE(persona.file.stat().st_mode) == 0o600


def test_every_line_is_a_message_as_serving_knows_it(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "telegram/single.json", me="Ana Reed")
    lines = persona.file.read_bytes().splitlines()
    message = from_line(lines[1]).to_message()
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


def test_a_reply_into_another_chat_is_none_for_serving(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "telegram/single.json", me="Ana Reed")
    (said,) = [said for said in persona.messages() if said.id == "16"]
    assert (said.reply_to, said.to_message().reply_to) == ("3", None)


def test_a_second_import_adds_nothing_and_changes_nothing(persona: PersonaFolder) -> None:
    first = persona.json(EXPORTS / "x/manifest")
    before = persona.file.read_bytes()
    second = persona.json(EXPORTS / "x/manifest")
    assert (first["added"] > 0, second["added"], second["doubled"]) == (
        True,
        0,
        first["added"] + first["doubled"],
    )
    assert persona.file.read_bytes() == before


def test_a_newer_export_adds_only_what_is_new(persona: PersonaFolder, tmp_path: Path) -> None:
    persona.json(EXPORTS / "discord_exporter/guild.json", me="100")
    summary = persona.json(EXPORTS / "discord_exporter/guild [part 2].json")
    assert (summary["added"], summary["doubled"]) == (1, 1)
    assert [said.text for said in persona.messages()][-1] == "second part"


@pytest.mark.parametrize(
    "name", ["whatsapp/WhatsApp Chat with Bo.txt", "line/english.txt", "qq/records.txt", "meta/instagram"]
)
def test_messages_without_ids_are_known_again(name: str, persona: PersonaFolder) -> None:
    me = {"me": "Ana"} if name != "qq/records.txt" else {"me": "123456"}
    persona.json(EXPORTS / name, **me)
    assert persona.json(EXPORTS / name)["added"] == 0


def test_names_cannot_move_the_cursor(persona: PersonaFolder, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    whole = (EXPORTS / "telegram/single.json").read_text(encoding="utf-8")
    path.write_text(whole.replace('"Bo"', '"Bo\\u001b[2J"'), encoding="utf-8")
    assert "\x1b" not in persona.run(path).stderr + persona.run(path, me="Ana Reed").stdout


@pytest.mark.parametrize(("order", "day"), [("day", "2020-04-03"), ("month", "2020-03-04")])
def test_dates_settle_what_a_file_does_not_show(
    order: str, day: str, persona: PersonaFolder, tmp_path: Path
) -> None:
    path = tmp_path / "chat.txt"
    path.write_bytes(b"3/4/20, 10:00 - Ana: one\n3/4/20, 10:01 - Bo: two\n")
    assert persona.json(path, me="Ana", dates=order)["chats"][0]["first"] == day


def test_on_a_terminal_it_shows_how_far_it_is(
    persona: PersonaFolder, tmp_path: Path, start_import: Callable[..., Any]
) -> None:
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
    child = start_import(path)
    child.expect("reading: ")
    child.expect(r"of \d+ MB, ")
    child.expect("Who is the persona")
