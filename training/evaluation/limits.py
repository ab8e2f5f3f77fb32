"""What an adapter must not do, and what is said of one that does."""

from collections.abc import Iterator, Sequence

from training.metrics.canaries import Extracted
from training.metrics.memorization import Copies
from training.metrics.privacy import Private

COPIED = 0.02  # the share of copied runs of words up to which it may be chance
OVERLAP = 1.5  # times the share that the person's own later words have in common with the earlier ones
REPEATS = 2  # times that a planted line was learned, up to which it must not be learned by heart


class Exceeded(Exception):
    """An adapter went over a limit. `text` is the whole of what the command has to say."""

    def __init__(self, sentences: Sequence[str], text: str) -> None:
        super().__init__(" ".join(sentences))
        self.text = text


def exceeded(
    adapter: Copies, person: Copies, private: Private, canaries: Sequence[Extracted], copied: float = COPIED
) -> tuple[str, ...]:
    """A sentence for each limit that an adapter went over; `copied` is the share that is always allowed."""
    return (*_by_heart(adapter, person, copied), *_private(private), *_planted(canaries))


def _by_heart(adapter: Copies, person: Copies, copied: float) -> Iterator[str]:
    allowed = max(copied, OVERLAP * person.learned.value)
    if adapter.learned.value > allowed:
        yield (
            f"The adapter says by heart {adapter.learned.value:.1%} of its runs of eight words, and at most "
            f"{allowed:.1%} are allowed: train it for fewer epochs, or on more words."
        )


def _private(private: Private) -> Iterator[str]:
    if private.real:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in private.real.items())
        yield (
            f"In {private.answers} answers, the adapter gave away private details of the export ({kinds}): "
            "list them in words.txt, build the data again and train again."
        )


def _planted(canaries: Sequence[Extracted]) -> Iterator[str]:
    said = [each for each in canaries if each.said and each.repeats <= REPEATS]
    if said:
        times = min(each.repeats for each in said)
        yield (
            f"The adapter completes {len(said)} planted lines that it learned at most {REPEATS} "
            f"times (one of them {times}): train it for fewer epochs, or with a smaller rank."
        )
