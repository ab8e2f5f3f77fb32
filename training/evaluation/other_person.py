"""Answers of another person, as a control: a persona, another author of the chats, or invented people."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from itertools import groupby
from pathlib import Path

from training.dataset import splits
from training.dataset.excerpts import Excerpt
from training.dataset.splits import TRAIN
from training.metrics.diversity import split_words

MIN_OTHER = 40  # answers of another author; with fewer, invented people take that place
_HAN = range(0x3400, 0xA000)


def other_answers(
    train: Sequence[Excerpt], held: Sequence[Excerpt], own: Sequence[str], work: Path | None
) -> tuple[str, tuple[str, ...]]:
    """Return the name and the answers of another person.

    That is the persona of the work folder, else the author with most answers, else invented people.
    """
    if work is not None:
        return f"the persona {work.parent.name}", tuple(
            text for _, text in sorted(persona_answers(splits.read_excerpts(work / TRAIN)))
        )
    by_author = dict[str, list[str]]()
    for author, text in _others_bursts((*train, *held)):
        by_author.setdefault(author, []).append(text)
    most = max(by_author.values(), key=len, default=[])
    if len(most) >= MIN_OTHER:
        return "another author of the same chats", tuple(most)
    return "invented people", _invented_messages("zh" if _is_han(own) else "en")


def _others_bursts(excerpts: Iterable[Excerpt]) -> Iterator[tuple[str, str]]:
    """Yield author and text of others' consecutive messages; a message in several excerpts counts once."""
    seen = set[tuple[str, str]]()
    for excerpt in excerpts:
        fresh = [line for line in excerpt.messages if (excerpt.chat, line.id) not in seen]
        seen.update((excerpt.chat, line.id) for line in fresh)
        for (own, author), lines in groupby(fresh, key=lambda line: (line.own, line.author)):
            if not own:
                yield author, "\n".join(line.text for line in lines)


def _is_han(texts: Sequence[str]) -> bool:
    found = [ord(word) in _HAN for text in texts[:200] for word in split_words(text) for word in word[:1]]
    return sum(found) > len(found) / 2


def _invented_messages(language: str) -> tuple[str, ...]:
    """Return the messages of invented people, who take turns, in a language."""
    text = resources.files("training.evaluation").joinpath(f"strangers-{language}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def persona_answers(excerpts: Iterable[Excerpt]) -> Iterator[tuple[float, str]]:
    """Yield the time (seconds) and the text of the persona's answer in each example."""
    for excerpt in excerpts:
        for aim in excerpt.aims:
            lines = excerpt.messages[aim.start : aim.end]
            yield lines[0].time, "\n".join(line.text for line in lines)
