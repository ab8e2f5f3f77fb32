"""The review of a scrubbing: counts and samples of removed details and of words that look like details."""

import json
from collections import Counter
from hashlib import blake2b
from heapq import heappushpop
from pathlib import Path

from bot.files import write_private
from training.scrub.detectors.span import ScrubbedText
from training.scrub.scrubber import Scrubber

_SAMPLES = 20  # of each kind
_CONTEXT = 40  # characters on either side
_HEAD = """What was taken out of the training data, and what looks alike and was left.
This file holds private details and is for you alone. Delete it when you have read it.
Something was left that should go: add it to the list of words, and build again.
Something went that should stay: add it to the list of words to keep.
"""

Sample = tuple[int, str, str, str, str]  # hash, text before, detail, text behind, placeholder


class ScrubReview:
    """Counts details and draws samples in constant memory; equal texts give equal samples in any order."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._texts = self._changed = 0
        self._removed, self._left = Counter[str](), Counter[str]()
        self._samples = dict[tuple[str, str], list[Sample]]()

    def add_text(self, text: str, scrubbed: ScrubbedText) -> None:
        """Count and sample the replacements and leftovers of one text."""
        self._texts += 1
        self._changed += bool(scrubbed.found)
        for found in scrubbed.found:
            self._removed[found.kind] += 1
            self._sample(("removed", found.kind), text, found.start, found.end, found.placeholder)
        for reason, start, end in self._scrubber.find_leftovers(scrubbed.text):
            self._left[reason] += 1
            self._sample(("left", reason), scrubbed.text, start, end, "")

    def _sample(self, group: tuple[str, str], text: str, start: int, end: int, placeholder: str) -> None:
        """Keep the samples with the greatest hashes: a uniform draw that depends on the texts alone."""
        before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
        detail = text[start:end]
        hashed = blake2b(
            "\0".join((before, detail, after)).encode("utf-8", "replace"), digest_size=8
        ).digest()
        sample = (int.from_bytes(hashed, "big"), before, detail, after, placeholder)
        drawn = self._samples.setdefault(group, [])
        if sample in drawn:
            return
        if len(drawn) < _SAMPLES:
            drawn.append(sample)
            drawn.sort()
        else:
            heappushpop(drawn, sample)

    def write_files(self, folder: Path) -> tuple[Path, Path]:
        """Write scrub-review.json and scrub-review.txt (mode 0600) into a folder; return both paths."""
        table, page = folder / "scrub-review.json", folder / "scrub-review.txt"
        write_private(table, [json.dumps(self._table(), indent=1).encode()])
        write_private(page, [self._page().encode("utf-8", "backslashreplace")])
        return table, page

    def _table(self) -> dict[str, object]:
        samples = {
            part: {
                kind: [
                    dict(zip(("before", "text", "after", "placeholder"), sample[1:], strict=True))
                    for sample in sorted(drawn)
                ]
                for (group, kind), drawn in sorted(self._samples.items())
                if group == part
            }
            for part in ("removed", "left")
        }
        counts = {"removed": dict(self._removed.most_common()), "left": dict(self._left.most_common())}
        return {"texts": self._texts, "changed": self._changed, "counts": counts, "samples": samples}

    def _page(self) -> str:
        lines = [_HEAD, f"{self._changed:,} of {self._texts:,} texts were changed.", ""]
        for part, counts in (("removed", self._removed), ("left", self._left)):
            for kind, count in counts.most_common():
                drawn = sorted(self._samples[part, kind])
                lines += [f"{part}: {kind}: {count:,}, {len(drawn)} shown", *map(_line, drawn), ""]
        return "\n".join(lines)


def _line(sample: Sample) -> str:
    _, before, detail, after, placeholder = sample
    line = f"{before}>>{detail}<<{after}" + (f"   became {placeholder}" if placeholder else "")
    return "  " + " ".join("".join(c if c.isprintable() else " " for c in line).split())
