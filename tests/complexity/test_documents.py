"""Every importer reads hostile exports of its format in linear time, into messages of linear length.

An importer of the registry without a writer in `WRITERS` is found.
"""

import gzip
import io
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import pytest

from tests.complexity.documents import (
    assistant_formats,
    chat_formats,
    dataset_formats,
    east_asian_formats,
    fedi_formats,
    meta_formats,
    phone_formats,
    server_formats,
    text_formats,
)
from tests.complexity.documents.chat_formats import Files, Writer
from tests.complexity.documents.east_asian_formats import EAST_ASIAN_PECULIAR
from tests.complexity.documents.hostile_chats import FAMILIES, Chat, Said
from tests.complexity.documents.peculiar_files import PECULIAR
from tests.complexity.growth import MOST, Work, count_work, growth, ratio
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import sniff_head
from training.importers.reading.source import Source
from training.importers.registry import IMPORTERS, Export
from training.store.messages import to_lines

SIZE = 40
TIMES = [(1, 2), pytest.param((1, 2, 4), marks=pytest.mark.slow)]
GZIPPED = [gzip.compress(bytes([byte]), mtime=0) for byte in range(256)].__getitem__
MEGABYTE = 1 << 20
STEPS = 20  # characters of all values that are made, for each byte of a long line
WRITERS: dict[str, Writer] = {
    "X (Twitter) archive": chat_formats.twitter,
    "DiscordChatExporter": chat_formats.discord_exporter,
    "Discord data package": chat_formats.discord_package,
    "ChatLab": chat_formats.chatlab,
    "Telegram": chat_formats.telegram,
    "Meta (Facebook, Instagram, Messenger, Threads)": meta_formats.meta_download,
    "TikTok": meta_formats.tiktok,
    "Snapchat": meta_formats.snapchat,
    "Messenger end-to-end download": chat_formats.messenger_e2ee,
    "Signal (signal-export)": chat_formats.signal,
    "Signal (its own export)": phone_formats.signal_plaintext,
    "Signal (sigtop)": phone_formats.sigtop,
    "iMessage (chat.db)": phone_formats.imessage,
    "iMessage (imessage-exporter)": phone_formats.imessage_exporter,
    "SMS Backup & Restore": phone_formats.sms_backup,
    "Slack": chat_formats.slack,
    "Discord History Tracker": server_formats.discord_history,
    "slackdump": server_formats.slackdump,
    "Google Chat": server_formats.google_chat,
    "Google Voice": server_formats.google_voice,
    "Google Hangouts": server_formats.google_hangouts,
    "Reddit": chat_formats.reddit,
    "Weibo": chat_formats.weibo,
    "WeChat": chat_formats.wechat,
    "LINE": chat_formats.line,
    "QQ": chat_formats.qq,
    "QQ NT": east_asian_formats.qq_nt,
    "KakaoTalk": east_asian_formats.kakaotalk,
    "WhatsApp": chat_formats.whatsapp,
    "E-mail": text_formats.mail,
    "LinkedIn messages": assistant_formats.linkedin,
    "LinkedIn posts": assistant_formats.linkedin_posts,
    "ChatGPT": assistant_formats.chatgpt,
    "Claude": assistant_formats.claude,
    "Gemini (Google Takeout)": assistant_formats.gemini,
    "SillyTavern": assistant_formats.sillytavern,
    "Chats with characters": assistant_formats.textgen,
    "Bluesky": fedi_formats.bluesky,
    "Mastodon": fedi_formats.mastodon,
    "Matrix (Element)": fedi_formats.element,
    "Misskey": fedi_formats.misskey,
    "Skype and Teams Free": fedi_formats.skype,
    "Viber": fedi_formats.viber,
    "CuteGPT": dataset_formats.cutegpt,
    "Alpaca": dataset_formats.alpaca,
    "ShareGPT": dataset_formats.sharegpt,
    "OASST1": dataset_formats.oasst,
    "ChatML messages": dataset_formats.chatml,
    "xtuner": dataset_formats.xtuner,
    "Questions and answers": dataset_formats.question_answer,
    "Texts": dataset_formats.texts,
}
IMPORTER = {each.TITLE: each for each in IMPORTERS}


def sources(files: Files) -> list[Source]:
    return [
        Source("export", path, len(data), lambda data=data: io.BytesIO(data)) for path, data in files.items()
    ]


def read(title: str, files: Files) -> int:
    """Read an export, and return the bytes of its messages as they are stored."""
    export = Export(IMPORTER[title], tuple(sources(files)))
    return sum(len(to_lines([message])) for message in export.read(ImportLog(dates="day")))


def hostile(title: str) -> dict[str, Callable[[int], Files]]:
    write = WRITERS[title]
    chats = {label: lambda n, family=family: write(family(n)) for label, family in FAMILIES.items()}
    return {**chats, **PECULIAR.get(title, {}), **EAST_ASIAN_PECULIAR.get(title, {})}


def times_longer(exports: Sequence[Files]) -> float:
    """Return how many times longer the second export is than the first, at least two."""
    one, other = (sum(map(len, files.values())) for files in exports)
    return max(2.0, other / one)


def excess(works: Sequence[Work], exports: Sequence[Files]) -> float:
    """Return the growth of the work for an export of twice the length."""
    return growth(*works) / times_longer(exports) * 2


def test_every_importer_has_a_writer() -> None:
    assert WRITERS.keys() == IMPORTER.keys()


@pytest.mark.parametrize("title", WRITERS)
def test_the_importer_reads_what_its_writer_writes(title: str) -> None:
    files = WRITERS[title](Chat((Said(0, "hello quay"), Said(1, "hello sea", 1))))
    for source in sources(files):
        head = sniff_head(source)
        assert next(each.TITLE for each in IMPORTERS if each.recognises(head)) == title
    export = Export(IMPORTER[title], tuple(sources(files)))
    assert {"hello quay", "hello sea"} <= {each.text for each in export.read(ImportLog(dates="day"))}


@pytest.mark.parametrize("title", WRITERS)
@pytest.mark.parametrize("times", TIMES, ids=str)
def test_an_importer_takes_linear_time(times: tuple[int, ...], title: str) -> None:
    too_steep = {}
    for label, write in hostile(title).items():
        exports = [write(SIZE * each) for each in times]
        works = [count_work(partial(read, title, files)) for files in exports]
        steepest = max(map(excess, pairwise(works), pairwise(exports)))
        if steepest > MOST:
            too_steep[label] = steepest, works
    assert not too_steep


@pytest.mark.parametrize("title", WRITERS)
def test_messages_grow_with_their_export(title: str) -> None:
    too_steep = {}
    for label, write in hostile(title).items():
        exports = [write(SIZE * times) for times in (4, 8)]
        written = [read(title, files) for files in exports]
        steepest = ratio(*written) / times_longer(exports) * 2
        if steepest > MOST:
            too_steep[label] = steepest, written
    assert not too_steep


@pytest.mark.parametrize("title", WRITERS)
def test_one_line_of_a_megabyte_costs_a_bounded_number_of_steps_a_byte(title: str) -> None:
    files = WRITERS[title](Chat((Said(0, "hello"), Said(1, "a" * MEGABYTE))))
    work = count_work(partial(read, title, files))
    assert work.lines < 10_000
    assert work.items < STEPS * sum(map(len, files.values()))


@pytest.mark.parametrize("title", ["LINE", "OASST1", "Telegram"])
def test_an_export_of_tiny_gzip_streams_takes_linear_time(title: str) -> None:
    """Each kind of reader joins pieces of one byte: lines of text, lines of JSON, one JSON document."""
    exports = [WRITERS[title](Chat((Said(0, "hello"), Said(1, "a" * size)))) for size in (500, 1000, 2000)]
    packed = [{path: b"".join(map(GZIPPED, data)) for path, data in files.items()} for files in exports]
    works = [count_work(partial(read, title, files)) for files in packed]
    steepest = max(map(excess, pairwise(works), pairwise(packed)))
    assert steepest <= MOST, works
