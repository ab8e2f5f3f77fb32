"""messages.jsonl: the messages of a persona. An import adds all of its new messages, or none."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
from filelock import FileLock, Timeout

from bot.errors import UserError
from bot.files import create_private
from bot.json_fault import line_fault
from bot.system import replacing
from training.store.forgotten_names import add_forgotten_names
from training.store.lineage import read_opt_outs
from training.store.message_keys import LineKey, MessageKeys
from training.store.messages import MESSAGES, ExportedMessage, from_line, to_lines
from training.store.selves import draft_selves, read_selves, settle_selves

_BATCH = 2048  # messages


def acquire_lock(work: Path) -> FileLock:
    """Return the lock for writing messages.jsonl and all that is made of it, held.

    Raises `UserError` while another process holds it.
    """
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(f"{work / MESSAGES}.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{work / MESSAGES} is being written by another command: wait until it is done."
        ) from None
    return lock


@contextmanager
def work_lock(work: Path) -> Iterator[None]:
    """Hold the lock of `acquire_lock`."""
    lock = acquire_lock(work)
    try:
        yield
    finally:
        lock.release()


class MessageStore:
    """messages.jsonl while an import writes it.

    The import writes a copy beside the file. The copy takes the file's place when the context ends well, and
    is deleted otherwise. `selves` are the persona's author ids so far, by platform; `earlier` counts the
    messages that were in the file before, `keys` those of the import.
    """

    def __init__(self, work: Path) -> None:
        self.path, self.selves = work / MESSAGES, dict[str, set[str]]()
        self.earlier, self.keys, self._start = 0, MessageKeys(), 0
        self._work, self._next_selves = work, dict[str, frozenset[str]]()
        self._waiting = list[ExportedMessage]()
        self._opted_out, self._refused = read_opt_outs(work), dict[tuple[str, str], bool]()
        self._refused_names = dict[tuple[str, str], set[str]]()
        self._draft = self.path.with_name(f"{MESSAGES}.new")
        self._lock: FileLock | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self._lock = acquire_lock(self._work)
            settle_selves(self._work)
            self._open()
            self._copy()
        except OSError as error:
            self._drop()
            raise self._unwritable(error) from None
        except BaseException:
            self._drop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
                self._commit()
        except OSError as problem:
            raise self._unwritable(problem) from None
        finally:
            self._drop()
        if isinstance(error, OSError):
            raise self._unwritable(error) from None

    def refuses(self, platform: str, author: str) -> bool:
        """Return whether an author opted out, so that none of the author's messages is kept."""
        if (platform, author) not in self._refused:
            self._refused[platform, author] = (platform, author) in self._opted_out
        return self._refused[platform, author]

    def note_refused_name(self, platform: str, author: str, name: str) -> None:
        """Keep the hashes of a refused author's name, so that it is replaced in what others say."""
        self._refused_names.setdefault((platform, author), set()).add(name)

    def append(self, message: ExportedMessage) -> bool:
        """Add a message and return True, unless a message with its key is in the file."""
        if not self.keys.add(message):
            return False
        self._waiting.append(message)
        if len(self._waiting) >= _BATCH:
            self._flush()
        return True

    def settle_chats(self) -> None:
        """Put the new messages of a chat whose name has changed into that chat, without those that it has.

        Call it once, behind the last message.
        """
        self._flush()
        assert self._file
        self._file.flush()
        if not self.keys.has_new_names:
            return
        with self._draft.open("rb") as draft, tempfile.TemporaryFile(dir=self._work) as moved:
            if self.keys.find_joined(draft, self.earlier):
                draft.seek(self._start)
                for line in draft:
                    if message := self.keys.move(from_line(line)):
                        moved.write(to_lines([message]))
                self._file.seek(self._start)
                self._file.truncate()
                moved.seek(0)
                shutil.copyfileobj(moved, self._file)

    def add_selves(self, ids: Mapping[str, set[str]], replaced: Iterable[str] = ()) -> None:
        """Write these author ids of the persona, with those known so far, into selves.json.

        On the `replaced` platforms they take the place of those known so far.
        Platforms that `ids` does not name keep their entry in selves.json, or stay without one.
        """
        without = set(replaced)
        earlier = {platform: found for platform, found in self.selves.items() if platform not in without}
        self._next_selves |= {
            platform: frozenset(found | earlier.get(platform, set())) for platform, found in ids.items()
        }

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"{self.path} cannot be written: {error.strerror}.")

    def _open(self) -> None:
        replacing.delete(self._draft)
        self._file = create_private(self._draft)

    def _copy(self) -> None:
        """Copy the lines of the file into the draft, and collect their keys and the persona's ids."""
        self._next_selves = dict(read_selves(self._work).ids)
        self.selves = {platform: set(ids) for platform, ids in self._next_selves.items()}
        if self.path.exists():
            self._copy_lines()
        self.keys.begin_import()

    def _copy_lines(self) -> None:
        decoder = msgspec.json.Decoder(LineKey)
        assert self._file
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    key = decoder.decode(line)
                except ValueError as error:
                    where = f"{self.path}, line {number:,}, is damaged ({line_fault(line, error)})"
                    raise UserError(f"{where}: delete it and import everything again.") from None
                self.keys.add_earlier(key)
                if key.is_self and key.platform not in self._next_selves:
                    self.selves.setdefault(key.platform, set()).add(key.author)
                self.earlier += 1
                self._file.write(line)
        self._start = self._file.tell()

    def _flush(self) -> None:
        assert self._file
        self._file.write(to_lines(self._waiting))
        self._waiting.clear()

    def _commit(self) -> None:
        """Put the drafts of messages.jsonl and selves.json in place."""
        assert self._file
        self._file.flush()
        os.fsync(self._file.fileno())
        self._close()
        of = self._opted_out.pseudonyms.of
        add_forgotten_names(self._work, {of(*id): names for id, names in self._refused_names.items()})
        if self._next_selves:
            draft_selves(self._work, self._next_selves)
        replacing.replace(self._draft, self.path)
        settle_selves(self._work)

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _drop(self) -> None:
        """Delete the drafts that are not in place, and release the lock."""
        if self._lock is None:
            return
        try:
            self._close()
        except OSError:  # a full disk: the draft is not needed any more
            self._file = None
        with suppress(OSError):
            settle_selves(self._work)
        replacing.delete(self._draft)
        self._lock.release()


def read_messages(path: Path) -> Iterator[ExportedMessage]:
    """Yield the messages of messages.jsonl in the order of the file, `is_self` according to selves.json."""
    selves, decoder = read_selves(path.parent), msgspec.json.Decoder(ExportedMessage)
    with path.open("rb") as file:
        for line in file:
            yield selves.resolve(decoder.decode(line))
