"""messages.jsonl: the messages of a persona. It grows by what is new, as a whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec
from filelock import FileLock, Timeout

from bot.errors import UserError
from training.store.key_set import KeySet
from training.store.messages import ExportedMessage, to_lines

_BATCH = 2048
_BUFFER = 1 << 20


class _Key(msgspec.Struct, gc=False):
    platform: str
    chat: str
    id: str
    author: str
    is_self: bool | None = None


class MessageStore:
    """The file while it is written: a copy beside it, which takes its place at the end or vanishes.

    `selves` are the ids under which the persona is known so far, by platform. Only one process may write.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.selves = path, dict[str, set[str]]()
        self.known = self.added = self.doubled = 0
        self._seen, self._waiting = KeySet(), list[ExportedMessage]()
        self._draft = path.with_name(f"{path.name}.new")
        self._older = path.with_name(f"{path.name}.old")
        self._lock = FileLock(f"{path}.lock", timeout=0, mode=0o600)
        self._file: BinaryIO | None = None

    def __enter__(self) -> "MessageStore":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire()
            self._open()
            self._copy()
        except Timeout:
            raise UserError(
                f"{self.path} is being written by another import: wait until it is done."
            ) from None
        except OSError as error:
            self._drop()
            raise UserError(f"{self.path} cannot be written: {error.strerror}.") from None
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
                self._keep()
        except OSError as problem:
            raise UserError(f"{self.path} cannot be written: {problem.strerror}.") from None
        finally:
            self._drop()
        if isinstance(error, OSError):
            raise UserError(f"{self.path} cannot be written: {error.strerror}.") from None

    def add(self, said: ExportedMessage) -> bool:
        """Take a message, unless it is there already."""
        if not self._seen.add(said.platform, said.chat, said.id):
            self.doubled += 1
            return False
        self.added += 1
        self._write(said)
        return True

    def claim(self, selves: dict[str, set[str]]) -> None:
        """Say anew who the persona is: every line of these platforms is written again."""
        self._flush()
        self._close()
        os.replace(self._draft, self._older)
        self._open()
        for said in read_messages(self._older):
            if (ids := selves.get(said.platform)) is not None and said.kind != "notice":
                said = msgspec.structs.replace(said, is_self=said.author in ids)
            self._write(said)

    def _open(self) -> None:
        self._draft.unlink(missing_ok=True)
        private = os.open(self._draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._file = os.fdopen(private, "wb", buffering=_BUFFER)

    def _copy(self) -> None:
        """Begin with what is there already."""
        if not self.path.exists():
            return
        decoder = msgspec.json.Decoder(_Key)
        assert self._file
        with self.path.open("rb") as file:
            for line in file:
                try:
                    key = decoder.decode(line)
                except ValueError as error:
                    advice = "delete it and import everything again"
                    raise UserError(f"{self.path} is damaged ({error}): {advice}.") from None
                self._seen.add(key.platform, key.chat, key.id)
                if key.is_self:
                    self.selves.setdefault(key.platform, set()).add(key.author)
                self.known += 1
                self._file.write(line)

    def _write(self, said: ExportedMessage) -> None:
        self._waiting.append(said)
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        assert self._file
        self._file.write(to_lines(self._waiting))
        self._waiting.clear()

    def _keep(self) -> None:
        assert self._file
        self._file.flush()
        os.fsync(self._file.fileno())
        self._close()
        os.replace(self._draft, self.path)

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _drop(self) -> None:
        """Leave nothing behind but the file itself."""
        try:
            self._close()
        except OSError:  # a full disk: what could not be written is not wanted either
            self._file = None
        self._draft.unlink(missing_ok=True)
        self._older.unlink(missing_ok=True)
        self._lock.release()


def read_messages(path: Path) -> Iterator[ExportedMessage]:
    """The messages of a file."""
    decoder = msgspec.json.Decoder(ExportedMessage)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
