"""SMS Backup & Restore: who wrote what, in chats of one and of several numbers."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.sms_backup.backup import find_reaction
from training.importers.chats.sms_backup.records import normalised_number
from training.importers.reading.import_log import ImportLog
from training.importers.reading.phrases import record_kind
from training.store.messages import ExportedMessage

FILE = EXPORTS / "sms_backup/sms-20260301.xml"
SMS = '<sms address="+15550100001" date="1772359200000" type="1" body="hello" contact_name="Ann" {}/>'


def read(folder: Path, body: str, log: ImportLog | None = None) -> list[ExportedMessage]:
    path = folder / "a.xml"
    path.write_text(f"<smses count='1'>{body}</smses>", encoding="utf-8")
    return list(registry.read_exports(path, log or ImportLog()))


def test_own_messages_are_those_of_the_box_of_sent_ones() -> None:
    text = FILE.read_text(encoding="utf-8").replace("&#55357;&#56838;", "😆")
    root = ElementTree.fromstring(text.encode())
    sent = [each.get("body") for each in root.iter("sms") if each.get("type") == "2"]
    for message in root.iter("mms"):
        if message.get("msg_box") == "2":
            sent += [part.get("text") for part in message.iter("part") if part.get("ct") == "text/plain"]
    assert [each.text for each in registry.read_exports(FILE) if each.is_self] == sent


@pytest.mark.parametrize(
    "number", ["+1 (555) 010-0001", "+1.555.010.0001", "+15550100001", " +1 555 0100001"]
)
def test_a_number_is_one_in_every_form(number: str) -> None:
    assert normalised_number(number) == "+15550100001"


@pytest.mark.parametrize("sender", ["TIDE-INFO", "a.b@example.org", "12"])
def test_a_sender_that_is_no_number_stays(sender: str) -> None:
    assert normalised_number(sender) == sender


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Loved “behind the shed”", "reaction"),
        ("Laughed at “a\nb”", "reaction"),
        ("Removed a heart from “behind the shed”", "reaction"),
        ("Reacted 😂 to “behind the shed”", "reaction"),
        ("Liked an image", "reaction"),
        ('Loved "hello"', "reaction"),
        ("Emphasised “hi”", "reaction"),
        ("Removed 😂 from “hi”", "reaction"),
        ("Liked a link", "reaction"),
        ("\u200a\u200b😂\u200b to “\u200ahi\u200a”\u200a", "reaction"),
        ("😂 to “hi”", "reaction"),
        ("„hallo“ gefällt", "reaction"),
        ("Le encantó “hola”", "reaction"),
        ("A adoré « à demain »", "reaction"),
        ("A adoré «\u00a0à demain\u00a0»", "reaction"),
        ("Curtiu “oi”", "reaction"),
        ("赞了“好”", "reaction"),
        ("I go to “hi”", None),
        ("Curtiu muito", None),
        ("Loved the image", None),
        ("Liked an image of yours", None),
        ("Loved “behind the shed” too", None),
    ],
)
def test_a_tapback_that_came_as_a_text_is_no_words(text: str, kind: str | None) -> None:
    phrase = find_reaction(text)
    assert (phrase and record_kind(phrase)) == kind


def mms(numbers: str, names: str, sender: str) -> str:
    return (
        f'<mms date="1772359200" msg_box="1" address="{numbers}" contact_name="{names}">'
        f'<parts><part ct="text/plain" text="hello"/></parts>'
        f'<addrs><addr address="{sender}" type="137"/></addrs></mms>'
    )


@pytest.mark.parametrize(
    ("numbers", "names", "name"),
    [
        ("5550100001~5550100002", "Ann, Bo", "Bo"),
        ("5550100002~5550100001", "Bo, Ann", "Bo"),
        ("5550100001~5550100002", "Reed, Ann, Bo", "5550100002"),
        ("5550100001~5550100002", "(Unknown)", "5550100002"),
    ],
)
def test_a_sender_in_a_group_has_the_name_in_its_place(
    numbers: str, names: str, name: str, tmp_path: Path
) -> None:
    (message,) = read(tmp_path, mms(numbers, names, "555-010-0002"))
    assert (message.chat, message.author, message.author_name, message.time) == (
        "5550100001~5550100002",
        "5550100002",
        name,
        1772359200.0,
    )


def test_a_group_without_an_address_has_the_people_of_its_message(tmp_path: Path) -> None:
    (message,) = read(tmp_path, mms("null", "null", "5550100002"))
    assert (message.chat, message.author, message.chat_kind) == ("5550100002", "5550100002", "direct")


@pytest.mark.parametrize("date", ["", "null", "0", "-5", "9" * 14, "9" * 5000, "1.5", "²"])
def test_a_message_without_a_time_is_counted(date: str, tmp_path: Path) -> None:
    log = ImportLog()
    assert read(tmp_path, f'<sms address="1" date="{date}" type="1" body="a"/>', log) == []
    assert log.skipped == {"without a date": 1}


@pytest.mark.parametrize("end", ["", "</sms>", "<smses>"])
def test_a_backup_that_ends_early_is_refused_behind_its_messages(end: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f"<smses>{SMS.format('')}{end}", encoding="utf-8")
    messages = registry.read_exports(path)
    assert next(messages).text == "hello"
    with pytest.raises(UserError, match=r"a\.xml ends in the middle: copy the backup again\."):
        next(messages)


def test_a_message_is_the_same_in_two_backups(tmp_path: Path) -> None:
    (one,) = read(tmp_path, SMS.format(""))
    _, again = read(tmp_path, SMS.format("").replace("hello", "so") + SMS.format('readable_date="x"'))
    assert one == again
