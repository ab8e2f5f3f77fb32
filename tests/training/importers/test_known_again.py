"""A message is known again after a newcomer, under another name of its chat, in an export of another date."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.complexity.documents import (
    assistant_formats,
    chat_formats,
    east_asian_formats,
    fedi_formats,
    meta_formats,
    phone_formats,
    server_formats,
    text_formats,
)
from tests.complexity.documents.hostile_chats import Chat, Said
from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.store.message_store import MessageStore, read_messages
from training.store.messages import MESSAGES, to_lines

WRITERS: dict[str, Callable[[Chat], chat_formats.Files]] = {
    each.__name__: each
    for each in (
        *(chat_formats.telegram, chat_formats.discord_exporter, chat_formats.discord_package),
        *(chat_formats.chatlab, chat_formats.meta, chat_formats.messenger_e2ee, chat_formats.signal),
        *(chat_formats.slack, chat_formats.reddit, chat_formats.weibo, chat_formats.wechat),
        *(chat_formats.line, chat_formats.qq, chat_formats.whatsapp, chat_formats.twitter),
        text_formats.mail,
        *(meta_formats.meta_download, meta_formats.tiktok, meta_formats.snapchat),
        *(east_asian_formats.qq_nt, east_asian_formats.qq_nt_parts, east_asian_formats.qq_nt_text),
        *(east_asian_formats.qq_nt_database, east_asian_formats.kakaotalk),
        *(east_asian_formats.kakaotalk_phone, east_asian_formats.kakaotalk_table),
        *(phone_formats.imessage, phone_formats.imessage_exporter, phone_formats.sms_backup),
        *(phone_formats.signal_plaintext, phone_formats.sigtop),
        *(server_formats.discord_history, server_formats.slackdump, server_formats.google_chat),
        *(server_formats.google_voice, server_formats.google_hangouts),
        *(assistant_formats.chatgpt, assistant_formats.claude, assistant_formats.gemini),
        *(assistant_formats.textgen, assistant_formats.risuai, assistant_formats.agnai),
        *(assistant_formats.characterai,),
        *(assistant_formats.sillytavern, assistant_formats.linkedin, assistant_formats.linkedin_posts),
        *(fedi_formats.bluesky, fedi_formats.mastodon, fedi_formats.misskey),
        *(fedi_formats.element, fedi_formats.skype, fedi_formats.viber),
    )
}
# as a tweet and as a direct message; as a message, and as posts and comments on three platforms
TIMES = {"twitter": 2, "tiktok": 2, "meta_download": 6}
SAID = some.builds(Said, some.integers(0, 1), some.sampled_from(["yes", "no", "tea at seven", "tea"]))
HOUR = "[1{day}.01.26, 1{hour}:0{minute}:00] {author}: {text}\n"


def write(folder: Path, files: chat_formats.Files) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def import_all(work: Path, *paths: Path) -> tuple[int, int, int]:
    """Import exports into a folder, each by itself; return the counts of the last: new, known, repeated."""
    counts = 0, 0, 0
    for path in paths:
        with MessageStore(work) as store:
            for export in registry.find_exports(path):
                for message in export.read(ImportLog()):
                    store.append(message)
            store.settle_chats()
            counts = store.keys.added, store.keys.known, store.keys.repeated
    return counts


def keys(work: Path) -> list[tuple[str, str, float, str, str]]:
    messages = read_messages(work / MESSAGES)
    return sorted((each.platform, each.chat, each.time, each.author, each.text) for each in messages)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=8)
@given(said=some.lists(SAID, min_size=1, max_size=4), added=SAID)
def test_of_two_exports_in_any_order_exactly_the_added_message_is_new(
    name: str, said: list[Said], added: Said
) -> None:
    per_message = TIMES.get(name, 1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        chats = [Chat(tuple(said)), Chat((*said, added))]
        earlier, later = (write(folder / str(at), WRITERS[name](chat)) for at, chat in enumerate(chats))
        count = per_message * len(said)
        assert import_all(folder / "alone", earlier) == (count, 0, 0)
        assert import_all(folder / "alone", later) == (per_message, count, 0)
        assert import_all(folder / "other", later, earlier) == (0, count, 0)
        assert len(keys(folder / "other")) == count + per_message


def whatsapp(path: Path, lines: Sequence[tuple[str, str]], start: int = 0) -> Path:
    """Write a chat of a group, a message every hour; the messages before `start` are not in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        HOUR.format(day=at // 10 % 10, hour=at % 10, minute=at // 100, author=author, text=text)
        for at, (author, text) in enumerate(lines)
    ]
    path.write_text("".join(rows[start:]), encoding="utf-8")
    return path


GROUP = [(author, f"{author} says {number}") for number in range(15) for author in ("Ana", "Bo", "Cy")]
OTHER = [("Dee", "may I join"), *GROUP[30:]]


@pytest.mark.parametrize(
    ("one", "two", "new"),
    [
        (("one/_chat.txt", GROUP, 0), ("two/_chat.txt", [*GROUP, OTHER[0]], 0), 1),
        (("WhatsApp Chat with Quay.txt", GROUP, 0), ("WhatsApp Chat with Tea.txt", [*GROUP, OTHER[0]], 0), 1),
        (("one/_chat.txt", GROUP[:30], 0), ("two/_chat.txt", GROUP, 20), 15),
        (("one/_chat.txt", GROUP, 20), ("two/_chat.txt", GROUP, 0), 20),
        (("one/_chat.txt", [("Ana", "hello")], 0), ("two/_chat.txt", [("Ana", "hello"), OTHER[0]], 0), 1),
    ],
    ids=["a newcomer", "a renamed group", "a later beginning", "an earlier beginning", "a single message"],
)
def test_a_chat_goes_on_under_another_name(
    one: tuple[str, list[tuple[str, str]], int],
    two: tuple[str, list[tuple[str, str]], int],
    new: int,
    tmp_path: Path,
) -> None:
    paths = [whatsapp(tmp_path / name, lines, start) for name, lines, start in (one, two)]
    work = tmp_path / "work"
    import_all(work, paths[0])
    assert import_all(work, paths[1])[0] == new
    assert len({chat for _, chat, *_ in keys(work)}) == 1
    assert import_all(tmp_path / "both", *reversed(paths), *paths)[0] == 0
    assert [key[2:] for key in keys(tmp_path / "both")] == [key[2:] for key in keys(work)]


@pytest.mark.parametrize("together", [True, False])
def test_two_chats_that_got_one_greeting_stay_two(together: bool, tmp_path: Path) -> None:
    greeting = ("Ana", "happy new year")
    bo = whatsapp(tmp_path / "WhatsApp Chat with Bo.txt", [greeting, ("Bo", "to you too")])
    cy = whatsapp(tmp_path / "WhatsApp Chat with Cy.txt", [greeting, ("Cy", "thanks")])
    if together:
        assert import_all(tmp_path / "work", tmp_path) == (4, 0, 0)
    else:
        assert import_all(tmp_path / "work", bo, cy) == (2, 0, 0)
    assert {chat for _, chat, *_ in keys(tmp_path / "work")} == {"Bo", "Cy"}


def test_the_summary_tells_which_chat_goes_on(persona: PersonaFolder) -> None:
    persona.run(EXPORTS / "whatsapp/reexport/one", me="Bob", dates="day")
    done = persona.run(EXPORTS / "whatsapp/reexport/two", dates="day")
    assert done.stdout.splitlines()[0] == "WhatsApp: 1 new message, 4 known before."
    assert '"Ann & Bob & Cem" goes on the chat "Ann & Bob".' in done.stdout
    assert done.stdout.splitlines()[-2] == f"{persona.file} holds 5 messages."


def test_repeats_within_an_import_are_not_known_before(persona: PersonaFolder, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes((EXPORTS / "telegram/single.json").read_bytes())
    done = persona.run(tmp_path / "one", tmp_path / "two", me="Ana Reed")
    assert done.stdout.splitlines()[0] == (
        "Telegram: 17 new messages, 0 known before, 17 repeated in these exports."
    )
    again = persona.json(tmp_path / "one")
    assert (again["added"], again["known"], again["repeated"], again["doubled"]) == (0, 17, 0, 17)


WECHAT = "id,MsgSvrID,type_name,is_sender,talker,msg,CreateTime\n"


@pytest.mark.parametrize("id", ["0", "", "5", "-1"])
def test_messages_of_wechat_whose_ids_are_nothing_or_used_again_are_all_kept(id: str, tmp_path: Path) -> None:
    rows = [f"{id},{id},文本,1,ana,words {at},2024-01-15 10:00:{at:02}\n" for at in range(5)]
    for name, some_rows in {"one": rows[:3], "two": rows[2:], "all": rows}.items():
        (tmp_path / name / "bo").mkdir(parents=True)
        (tmp_path / name / "bo" / "bo_0_5.csv").write_text(WECHAT + "".join(some_rows), encoding="utf-8")
    assert import_all(tmp_path / "work", tmp_path / "one") == (3, 0, 0)
    assert import_all(tmp_path / "work", tmp_path / "two") == (2, 1, 0)
    assert import_all(tmp_path / "work", tmp_path / "all") == (0, 5, 0)


@pytest.mark.parametrize(
    "name",
    [
        *("line/english.txt", "line/after midnight.txt", "whatsapp/WhatsApp Chat with Bob.txt"),
        *("whatsapp/ios", "meta/instagram", "qq/records.txt", "wechat/weflow.json", "chatlab/chat.json"),
    ],
)
def test_what_version_0_1_imported_is_known(name: str, tmp_path: Path) -> None:
    """The files in exports/version 0.1 are what that version made of these exports."""
    (tmp_path / "work").mkdir()
    earlier = EXPORTS / "version 0.1" / f"{name.replace('/', '.')}.jsonl"
    (tmp_path / "work" / MESSAGES).write_bytes(earlier.read_bytes())
    added, known, repeated = import_all(tmp_path / "work", EXPORTS / name)
    assert (added, repeated) == (0, 0)
    assert known > 0


def test_a_damaged_line_does_not_stop_the_search_for_chats(tmp_path: Path) -> None:
    """A line of version 0.1 without a chat's name is a message like any other."""
    work = tmp_path / "work"
    path = whatsapp(tmp_path / "_chat.txt", GROUP)
    import_all(work, path)
    messages = [msgspec.structs.replace(each, chat_name="") for each in read_messages(work / MESSAGES)]
    (work / MESSAGES).write_bytes(to_lines(messages))
    assert import_all(work, path) == (0, len(GROUP), 0)


TABLE = "AuthorID,Author,Date,Content,Attachments,Reactions\n"
TABLE_ROWS = [
    f"{1 + at % 2},{'Bo' if at % 2 else 'Ana'},2024-01-15T10:0{at}:00+00:00,tide {at},,\n" for at in range(4)
]


def test_a_table_of_discord_is_known_under_the_name_of_another_date(tmp_path: Path) -> None:
    for name, rows in {
        "quay (before 2024-02-01)": TABLE_ROWS[:3],
        "quay (after 2024-01-01)": TABLE_ROWS,
    }.items():
        (tmp_path / f"{name}.csv").write_text(TABLE + "".join(rows), encoding="utf-8")
    before, after = (tmp_path / f"quay ({when}).csv" for when in ("before 2024-02-01", "after 2024-01-01"))
    assert import_all(tmp_path / "work", before, after) == (1, 3, 0)


def test_messengers_two_downloads_hold_one_chat(tmp_path: Path) -> None:
    chat = Chat((Said(0, "hello"), Said(1, "so"), Said(0, "and again")))
    classic = write(tmp_path / "classic", chat_formats.meta(chat))
    encrypted = write(
        tmp_path / "encrypted", chat_formats.messenger_e2ee(Chat((*chat.messages, Said(1, "yes"))))
    )
    assert import_all(tmp_path / "work", classic, encrypted) == (1, 3, 0)
