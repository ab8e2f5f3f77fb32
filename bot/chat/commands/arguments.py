"""The words behind a typed command, given to its options: quotes of every style keep blanks together."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.commands.call import Option
from bot.text.known_names import find_whole_name

_QUOTES = ('"“”„‟«»『』＂〝〞〟', "'‘’‚‛‹›「」＇`´")  # a word in one of a row ends with one of the same row


@dataclass(frozen=True, slots=True)
class Word:
    """A word as typed, or several in quotes."""

    text: str
    is_quoted: bool = False


def assign_options(options: Sequence[Option], typed: str) -> dict[str, str]:
    """Return the values of options by name.

    Each option takes one word, and the last all words left, so that a name may have blanks. An option with
    `endings` takes the last word, where that is one of them and not the only word.
    """
    if options and options[-1].is_verbatim:
        return {options[-1].name: typed.lstrip()} if typed.strip() else {}
    words, values = split_words(typed), dict[str, str]()
    if options and options[-1].endings:
        ending = None if len(words) < 2 or words[-1].is_quoted else _ending(options[-1], words[-1].text)
        if ending:
            values[options[-1].name] = ending
            words.pop()
        options = options[:-1]
    if len(options) > 1 and words and not words[0].is_quoted and "=" in words[0].text:
        name, _, value = words[0].text.partition("=")
        words[:1] = [Word(name), Word(value)]
    for index, option in enumerate(options):
        taken = words[index:] if index == len(options) - 1 else words[index : index + 1]
        if text := " ".join(word.text for word in taken):
            values[option.name] = text
    return values


def split_words(typed: str) -> list[Word]:
    """Split at blanks, outside quotes that stand around whole words; a quote without an end is a letter."""
    words, start, open_rows = list[Word](), 0, set(_QUOTES)
    while start < len(typed):
        if typed[start].isspace():
            start += 1
            continue
        row = next((row for row in open_rows if typed[start] in row), "")
        end = _closing(typed, start, row) if row else -1
        if end < 0:
            open_rows.discard(row)  # no later one has an end either
            end = _word_end(typed, start)
            words.append(Word(typed[start:end]))
        else:
            words.append(Word(typed[start + 1 : end].strip(), is_quoted=True))
        start = max(end, start) + 1
    return words


def _closing(typed: str, start: int, row: str) -> int:
    """Return the index of the quote that closes one at `start`, or -1; one within a word is an apostrophe."""
    for index in range(start + 1, len(typed)):
        if typed[index] in row and (index + 1 == len(typed) or not typed[index + 1].isalnum()):
            return index
    return -1


def _word_end(typed: str, start: int) -> int:
    return next((index for index in range(start, len(typed)) if typed[index].isspace()), len(typed))


def _ending(option: Option, word: str) -> str | None:
    return find_whole_name(word, option.endings)
