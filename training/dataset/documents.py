"""Stage "facts": plain documents about the persona, of which all tokens are trained."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.files import hash_file
from training.dataset.excerpts import Excerpt
from training.store.chat_index import ChatIndex
from training.store.roles import DOCUMENTS

SUFFIXES = (".txt", ".md")
PIECE_SIZE = 2000  # characters of a piece, or of a paragraph that is longer


def read_documents(folder: Path, left_out: Counter[str], scrub: Callable[[str], str]) -> Iterator[Excerpt]:
    """Yield every document in a folder as excerpts of whole paragraphs, `PIECE_SIZE` characters each.

    `scrub` replaces private details in a text. `left_out` counts other files by reason.
    """
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix.lower() not in SUFFIXES:
            left_out["documents that are neither .txt nor .md"] += 1
            continue
        try:
            text = path.read_text("utf-8-sig").replace("\x00", "")
        except (OSError, UnicodeDecodeError):
            left_out["documents that are not UTF-8 text"] += 1
            continue
        name, source = path.relative_to(folder).as_posix(), hash_file(path)
        for piece in _split_paragraphs(scrub(text)):
            yield Excerpt(chat=f"{DOCUMENTS}/{name}", stage="facts", text=piece, sources=(source,))


def read_data_set_texts(chats: ChatIndex, left_out: Counter[str]) -> Iterator[Excerpt]:
    """Yield the texts of data sets for this stage, as `read_documents` does; `left_out` counts the others."""
    for message in chats.documents():
        if not message.trained:
            left_out["not to be learned, says the data set"] += 1
            continue
        for piece in _split_paragraphs(message.text):
            chat = f"{DOCUMENTS}/{message.platform}/{message.id}"
            yield Excerpt(chat=chat, stage="facts", text=piece, sources=(message.source,))


def _split_paragraphs(text: str) -> Iterator[str]:
    piece = ""
    for paragraph in (part.strip() for part in text.replace("\r\n", "\n").split("\n\n")):
        if piece and len(piece) + len(paragraph) > PIECE_SIZE:
            yield piece
            piece = ""
        piece = "\n\n".join(filter(None, (piece, paragraph)))
    if piece:
        yield piece
