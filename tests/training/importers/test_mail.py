"""Of e-mail, each author's own words are read; what programs wrote, and others' words in it, are not."""

import io
import mailbox
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source
from training.importers.texts.mail import export
from training.importers.texts.mail.headers import Headers, decode_base64, decode_body, decode_words
from training.importers.texts.mail.mailboxes import is_mail_head, read_mails
from training.importers.texts.mail.own_words import own_words
from training.store.messages import ExportedMessage

HEAD = "From: Ana <ana@quay.example>\nTo: bo@quay.example\nDate: Tue, 2 Jan 2024 10:00:00 +0000\n"
QUOTED: dict[str, tuple[str, str]] = {
    "English": ("Yes.\n\nOn Tue, Jan 2, 2024 at 10:00 AM Bo <bo@x.example> wrote:\n> tea?\n", "Yes."),
    "broken attribution": (
        "Yes.\nOn Tue, Jan 2, 2024 at 10:00 AM Bo\n<bo@x.example> wrote:\n\n> tea?",
        "Yes.",
    ),
    "without a sign before the quote": ("Yes.\n\nOn 2 Jan 2024, Bo <bo@x.example> wrote:\ntea?\n", "Yes."),
    "answers between quotes": ("Bo wrote:\n> tea?\nYes.\n> when?\nAt four.", "Yes.\nAt four."),
    "German": ("Ja.\n\nAm 02.01.24 um 10:00 schrieb Bo Lind:\n> Tee?", "Ja."),
    "French": ("Oui.\n\nLe mar. 2 janv. 2024 à 10:00, Bo <bo@x.example> a écrit\u00a0:\n> du thé ?", "Oui."),
    "Spanish": ("Sí.\n\nEl mar, 2 ene 2024 a las 10:00, Bo (<bo@x.example>) escribió:\n> ¿té?", "Sí."),
    "Russian": ("Да.\n\nвт, 2 янв. 2024 г. в 10:00, Bo <bo@x.example>:\n> чай?", "Да."),
    "Chinese": ("好。\n\nBo <bo@x.example> 于2024年1月2日周二 10:00写道：\n> 茶？", "好。"),
    "Japanese": ("はい。\n\n2024年1月2日(火) 10:00 Bo <bo@x.example>:\n> お茶?", "はい。"),
    "Korean": ("네.\n\n2024년 1월 2일 (화) 오전 10:00, Bo <bo@x.example>님이 작성:\n> 차?", "네."),
    "Outlook": ("Yes.\n\nFrom: Bo\nSent: Tuesday\nTo: Ana\nSubject: tea\n\ntea?", "Yes."),
    "Outlook's rule": ("Yes.\n________________________________\nFrom: Bo\ntea?", "Yes."),
    "original message": ("Yes.\n-----Original Message-----\ntea?", "Yes."),
    "Ursprüngliche Nachricht": ("Ja.\n\n-------- Ursprüngliche Nachricht --------\nTee?", "Ja."),
    "forwarded": ("See below.\n\nBegin forwarded message:\n\ntea?", "See below."),
    "only forwarded": ("---------- Forwarded message ---------\nFrom: Bo\n\ntea?", ""),
    "signature": ("Yes.\n-- \nAna\nHarbour office", "Yes."),
    "phone": ("Yes.\n\nSent from my iPhone", "Yes."),
    "a sentence that is no attribution": (
        "On the wall someone wrote:\nno tea",
        "On the wall someone wrote:\nno tea",
    ),
    "two names of fields": ("To: me\nFrom: now on I sail", "To: me\nFrom: now on I sail"),
    "dashes": ("- tea\n- salt\n--- so far", "- tea\n- salt\n--- so far"),
}
AUTOMATIC = {
    "Auto-Submitted: auto-replied": "",
    "Precedence: bulk": "",
    "List-Unsubscribe: <https://x.example>": "",
    "Subject: Automatic reply: tea": "",
    "X-Autoreply: yes": "",
    "Auto-Submitted: no": "Yes.",
    "List-Unsubscribe: <https://x.example>\nList-Post: <mailto:x@x.example>": "Yes.",
    "Precedence: list\nList-Post: <mailto:x@x.example>": "Yes.",
}


def source_of(data: bytes) -> Source:
    return Source("mail", "", len(data), lambda: io.BytesIO(data))


def read(path: Path, text: str | bytes, log: ImportLog | None = None) -> list[ExportedMessage]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(registry.read_exports(path, log))


def read_text(text: str, log: ImportLog | None = None) -> list[ExportedMessage]:
    return list(export.read([source_of(text.encode())], log or ImportLog()))


@pytest.mark.parametrize(("text", "words"), QUOTED.values(), ids=QUOTED)
def test_the_author_s_words_are_left_of_a_mail(text: str, words: str) -> None:
    assert own_words(text) == words
    assert own_words(text.replace("\n", "\n\n") if "Outlook" not in text else text) is not None


@pytest.mark.parametrize("name", ["All mail Including Spam and Trash.mbox", "Sent.mbox"])
def test_an_mbox_has_as_many_mails_as_the_library_finds(name: str, tmp_path: Path) -> None:
    path = EXPORTS / "mail" / name
    found = [mail.headers.raw("message-id") for mail in read_mails(source_of(path.read_bytes()))]
    with closing(mailbox.mbox(shutil.copy(path, tmp_path), create=False)) as box:
        assert found == [str(mail["Message-ID"]) for mail in box]
    assert len(found) == (7 if name.startswith("All") else 2)


@pytest.mark.parametrize(("field", "words"), AUTOMATIC.items(), ids=AUTOMATIC)
def test_what_a_program_sent_is_left_out_and_counted(field: str, words: str, tmp_path: Path) -> None:
    log = ImportLog()
    found = read(tmp_path / "a.eml", f"{field}\n{HEAD}Message-ID: <1@x>\n\nYes.\n", log)
    assert [message.text for message in found] == ([words] if words else [])
    assert dict(log.skipped) == ({} if words else {"newsletters and automatic mails": 1})


@pytest.mark.parametrize(("flags", "count"), [("2,S", 1), ("2,", 1), ("2,DS", 0), ("2,ST", 0)])
def test_drafts_and_trash_of_a_maildir_are_left_out(flags: str, count: int, tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    read_one = tmp_path / "cur" / f"17.M1.quay:{flags}"
    assert len(read(read_one, f"{HEAD}Message-ID: <1@x>\n\nYes.\n")) == count


def test_folders_of_a_maildir_begin_with_a_dot(tmp_path: Path) -> None:
    for folder in ("cur", ".Sent/cur", ".Sent/new", ".cache"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "17.quay").write_text(
            f"{HEAD}Message-ID: <{folder}@x>\n\nYes.\n", encoding="utf-8"
        )
    found = [message.id for message in registry.read_exports(tmp_path)]
    assert found == [".Sent/cur@x", ".Sent/new@x", "cur@x"]


def test_the_text_of_others_in_an_attached_mail_is_not_read(tmp_path: Path) -> None:
    mail = (
        f"{HEAD}Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain\n\nSee.\n--a\n"
        "Content-Type: message/rfc822\n\nFrom: bo@x.example\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\ntea?\n--b--\n--a--\nbehind the end\n"
    )
    assert [message.text for message in read(tmp_path / "a.eml", mail)] == ["See."]


def test_attachments_are_not_kept(tmp_path: Path) -> None:
    lines = b"QUJD" * 18 + b"\n"
    mail = (
        f"{HEAD}Content-Type: multipart/mixed; boundary=a\n\n--a\n\n\n--a\n"
        "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n"
    ).encode() + lines * 50_000
    (message,) = read(tmp_path / "a.eml", mail)
    assert (message.kind, message.text) == ("file", "")


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("utf-8", "thé".encode(), "thé"),
        ("iso-8859-1", b"th\xe9 \x96", "thé –"),
        ("GB2312", "茶".encode("gb18030"), "茶"),
        ("ks_c_5601-1987", "차".encode("cp949"), "차"),
        ("iso-2022-jp", "茶".encode("iso-2022-jp"), "茶"),
        ("koi8-r", "чай".encode("koi8-r"), "чай"),
        ("punycode", "thé".encode(), "thé"),
        ("no such", b"th\xe9", "thé"),
        ("", "thé".encode(), "thé"),
        ("utf-16", b"\xff\xfea", "ÿþa"),
    ],
)
def test_a_body_is_decoded_by_its_charset(charset: str, raw: bytes, text: str) -> None:
    headers = Headers()
    headers.add_line(f"Content-Type: text/plain; charset={charset}".encode())
    assert decode_body(raw, headers) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("=?utf-8?q?th=C3=A9_vert?=", "thé vert"),
        ("=?utf-8?b?dGjDqQ==?= =?iso-8859-1?Q?_=E9?=", "thé é"),
        ("=?utf-8?b?dGjDqQ?=", "thé"),
        ("=?utf-8*fr?q?th=C3=A9?=", "thé"),
        ("=?utf-8?x?abc?= =", "=?utf-8?x?abc?= ="),
    ],
)
def test_encoded_words_are_decoded(text: str, words: str) -> None:
    assert decode_words(text) == words


def test_base64_is_decoded_as_far_as_it_goes() -> None:
    assert [decode_base64(b"QUJD"[:size]) for size in range(5)] == [b"", b"", b"A", b"AB", b"ABC"]
    assert decode_base64(b"QU\r\n-- JD=") == b"ABC"


@pytest.mark.parametrize(
    ("head", "is_mail"),
    [
        (f"{HEAD}\nx", True),
        (f"From x@y Tue Jan 02 10:00:00 +0000 2024\n{HEAD}\nx", True),
        (f"From \n{HEAD}\nx", True),
        (f"From the quay we saw\n{HEAD}\nx", False),
        ("From: You\nType: outgoing\nSent: Mon, 2 Jan 2006 15:04:05 -0700\n\nx", False),
        ("From: Ana\nlong ago there was a quay\n", False),
        ("Subject: tea\nDate: today\nTo: me\n\nx", False),
    ],
)
def test_a_mail_is_known_by_its_header(head: str, is_mail: bool) -> None:
    assert is_mail_head(head.encode()) is is_mail


def test_a_line_that_a_program_broke_is_one_line_again() -> None:
    broken = (
        "The tide is at its highest at noon, and the ferry will not land at the\nold mole.\n\nSo come.\nAna"
    )
    assert own_words(broken) == broken.replace("the\nold", "the old")
