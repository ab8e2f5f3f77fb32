"""Limits of an adapter: copies, private details and canaries that fail an evaluation."""

from collections.abc import Iterator, Sequence

from training.metrics.canaries import Extracted
from training.metrics.memorization import Copies
from training.metrics.privacy import PrivacyFindings

COPIED = 0.02  # the share of copied 8-grams up to which copies may be chance
OVERLAP = 1.5  # times the share that the person's own held-out answers copy from the training text
REPEATS = 2  # examples with a canary, up to which the canary must not be learned by heart


class LimitExceeded(Exception):
    """An adapter is over a limit. `text` is the whole output of the command."""

    def __init__(self, sentences: Sequence[str], text: str) -> None:
        super().__init__(" ".join(sentences))
        self.text = text


def exceeded_limits(
    adapter: Copies,
    person: Copies,
    private: PrivacyFindings,
    canaries: Sequence[Extracted],
    copied: float = COPIED,
) -> tuple[str, ...]:
    """Return a sentence for each limit that an adapter is over; a share of `copied` is always allowed."""
    return (*_copies(adapter, person, copied), *_private_details(private), *_extracted(canaries))


def _copies(adapter: Copies, person: Copies, copied: float) -> Iterator[str]:
    allowed = max(copied, OVERLAP * person.learned.value)
    if adapter.learned.value > allowed:
        yield (
            f"The adapter says by heart {adapter.learned.value:.1%} of its runs of eight words, and at most "
            f"{allowed:.1%} are allowed: train it for fewer epochs, or on more words."
        )


def _private_details(private: PrivacyFindings) -> Iterator[str]:
    if private.real:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in private.real.items())
        yield (
            f"In {private.answers} answers, the adapter gave away private details of the export ({kinds}): "
            "list them in words.txt, build the data again and train again."
        )


def _extracted(canaries: Sequence[Extracted]) -> Iterator[str]:
    said = [each for each in canaries if each.said and each.repeats <= REPEATS]
    if said:
        times = min(each.repeats for each in said)
        yield (
            f"The adapter completes {len(said)} planted lines that it learned at most {REPEATS} "
            f"times (one of them {times}): train it for fewer epochs, or with a smaller rank."
        )
