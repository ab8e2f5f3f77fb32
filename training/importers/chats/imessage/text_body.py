"""The body of a message as imessage-exporter writes it: words, and lines that the program adds to them."""

import re
from typing import NamedTuple

from training.importers.reading.record_kinds import RecordKind

_DAY = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{1,2}), (\d{4})"
TIME = _DAY + r" {1,2}(\d{1,2}):(\d{2}):(\d{2}) ([AP]M)"
_HEADER = re.compile(TIME + r"(?: \(.*\))?")
_INDENT = "    "
_REACTIONS = frozenset(("Tapbacks:", "Reactions:"))  # "Reactions:" until 2024
_REACTION = re.compile(r"(?:[A-Z][a-z]{2,15}|\S{1,16}) by \S.*|.{0,20}Sticker from .*")
_DROPPED = frozenset(
    (
        "This message responded to an earlier message.",
        *(f"Sent with {each}" for each in "Confetti Echo Fireworks Balloons Heart Lasers Sparkles".split()),
        *(f"Sent with {each}" for each in "Spotlight Slam Loud Gentle".split()),
        *("Sent with Invisible Ink", "Sent with Shooting Star", "Sent with Shooting Start"),
    )
)
_LONGEST_PATH = 2000  # characters; macOS allows 1024 bytes
_ROOTS = ("/", "~/", "./")  # what a path begins with
_FOLDERS = (
    "/attachments/",
    "/mobilesync/backup/",
)  # of attachments; a file there may have blanks in its name
_LONGEST_EXTENSION = 8
_STICKER = re.compile(r"(?:[A-Z][a-z]+ )?Sticker from [^\n]+: [^\n]*")
_MISSING = "Attachment missing!"
_TRANSCRIPT = "Transcription: "
_FIRST_VERSION = re.compile(TIME + r" (.*)", re.DOTALL)
_VERSION = re.compile(r"^Edited [^\n:]{1,80} later: ", re.MULTILINE)
_UNSENT = " unsent this message part"  # behind a name; "10 seconds after sending!" follows
_LINK = re.compile(r"https?://\S+")
_APP = re.compile(r"[^\n:]{1,60} message:|[^\n:]{1,60} transaction: [^\n]*|Unable to format app message: .*")
_RECORDS: dict[str, RecordKind] = {
    "SharePlay Message": "call",
    "Started sharing location!": "location",
    "Stopped sharing location!": "location",
    "This message was deleted from the conversation!": "deleted",
}


class MessageBody(NamedTuple):
    """The words of a message in their last version, the names of its files, and the kind of the record."""

    words: str
    files: tuple[str, ...] = ()
    record: RecordKind = "words"
    is_edited: bool = False


def is_header(line: str) -> bool:
    """Return whether a line is the time that a message begins with."""
    return bool(_HEADER.fullmatch(line))


def read_body(lines: list[str]) -> MessageBody:
    """Return what the lines below the sender hold."""
    own, files, is_unsent = list[str](), list[str](), False
    for line in _own_lines(lines):
        if _STICKER.fullmatch(line):
            files.append("sticker.webp")
        elif line == _MISSING or _is_path(line):
            files.append(line.rpartition("/")[2] if line != _MISSING else "file")
        elif _UNSENT in line and line.endswith("!"):
            is_unsent = True
        elif line.startswith(_TRANSCRIPT) and files:
            break  # what a program heard in the recording
        else:
            own.append(line)
    first = next((line for line in own if line.strip()), "")
    if record := _RECORDS.get(first):
        return MessageBody("", (), record)
    words = "\n".join(own).strip()
    if _APP.fullmatch(first):
        return MessageBody("", (), "share")
    if is_unsent and not words and not files:
        return MessageBody("", (), "deleted")
    if found := _FIRST_VERSION.fullmatch(words):
        return MessageBody(_last_version(found[8]), tuple(files), is_edited=True)
    if _LINK.fullmatch(first):
        words = first  # the page's title and summary stand below it
    return MessageBody(words, tuple(files))


def _own_lines(lines: list[str]) -> list[str]:
    """The lines without reactions, without replies, which are indented, and without notes on the message."""
    own: list[str] = []
    in_reply, in_reactions = False, False
    for line in lines:
        is_indented = line.startswith(_INDENT)
        if is_indented and is_header(line.strip()):
            in_reply, in_reactions = True, False
        elif in_reply:
            in_reply = is_indented or not line.strip()
        elif in_reactions:
            in_reactions = is_indented or bool(_REACTION.fullmatch(line))
        in_reactions |= not in_reply and line in _REACTIONS
        if not in_reply and not in_reactions and line not in _DROPPED:
            own.append(line)
    return own


def _is_path(line: str) -> bool:
    """Return whether a line is the path of a file; "/r/cats is great" and "./configure" are words."""
    if len(line) > _LONGEST_PATH or "/" not in line:
        return False
    folders, _, name = line.rpartition("/")
    is_rooted, path = line.startswith(_ROOTS), f"/{folders.lower()}/"
    at = max(map(path.find, _FOLDERS))
    if name and at >= 0 and path.count("/", at) > 2 and (is_rooted or " " not in path[:at]):
        return True
    stem, _, extension = name.rpartition(".")
    is_file = bool(stem) and extension.isalnum() and len(extension) <= _LONGEST_EXTENSION
    return is_rooted and "/" in folders and is_file and len(name.split()) == 1


def _last_version(history: str) -> str:
    """The words behind the last "Edited ... later:", or all of them where nothing says so."""
    starts = [each.end() for each in _VERSION.finditer(history)]
    return history[starts[-1] if starts else 0 :].strip()
