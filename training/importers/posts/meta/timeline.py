"""Posts of one person as messages of a timeline. Meta's files give neither ids nor parents."""

from collections.abc import Iterator

from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import derived_id, unix_seconds
from training.importers.reading.record_kinds import RecordKind, file_kind, kept_kind
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Label

CHAT = "timeline"
SELF = "self"  # the author of posts: a name changes, and not every download tells it
UNSEEN = "unseen"  # in place of the id of what a comment answers, which no file holds


class Timeline:
    """The posts of one file.

    An id is made of time and words only: a post may stand in two files, and once for each of its photos.
    """

    def __init__(self, platform: str, name: str, source: Source, log: ImportLog) -> None:
        self.platform, self.name, self.source, self.log = platform, name, source, log

    def post(
        self,
        time: float | None,
        text: str,
        record: RecordKind | None = None,
        files: tuple[str, ...] = (),
        *,
        labels: tuple[Label, ...] = (),
        answers: bool = False,
        edited: bool = False,
    ) -> Iterator[ExportedMessage]:
        """Yield a post of the person, unless it has no date; `record` is what stands in place of words."""
        try:
            time = unix_seconds("" if time is None else time)
        except ValueError:
            self.log.skip("without a date")
            return
        if not text and record is None:
            self.log.skip("without words")
            return
        if text and not files:
            record = "words"  # also on a shared link or a place
        kind = kept_kind(record, record, self.log)
        if kind is None:
            return
        words = text or (files[0].rpartition("/")[2] if files else record)
        yield ExportedMessage(
            platform=self.platform,
            chat=CHAT,
            id=derived_id(int(time), "comment" if answers else "post", words),
            author=SELF,
            author_name=self.name,
            time=time,
            source=self.source.label,
            text=text,
            is_self=True,
            chat_kind="timeline",
            reply_to=UNSEEN if answers else None,
            edited=edited,
            kind=kind,
            media=files,
            labels=labels,
        )


def media_kind(files: tuple[str, ...]) -> RecordKind | None:
    """Return the kind of the first file; one whose extension tells nothing is an image."""
    if not files:
        return None
    kind = file_kind(files[0])
    return "image" if kind in ("file", "sticker") else kind
