"""Recall and precision of the scrubber on labelled lines, with its faults, and its speed.

`python -m tests.benchmarks.scrub` (15 seconds). A labelled detail counts as found when all of its
characters are gone, whichever rule took them; a replacement counts as right when at least half of it is
labelled. All lines are invented, by one author. labelled.jsonl was used while the rules were written;
labelled_held.jsonl was written before their first run and changed one rule since (Chinese ids of counties
that are no more); labelled_hard.jsonl was written afterwards to break the rules, and some were mended by it.
The second's figures say little about a real export; the third's are nearer to its worst. labelled_said.jsonl
has details as people say them (seed phrases, passwords in a sentence, coordinates, numbers in words, spaced
letters, mixed scripts, birthdays), and innocent lines that look like them; its rules were written with it.
"""

import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from training.scrub.detectors.span import KnownPerson
from training.scrub.scrubber import Scrubber

EXPORTS = Path(__file__).parent.parent / "exports" / "scrub"
SETS = ("labelled", "labelled_held", "labelled_hard", "labelled_said")
PEOPLE = {  # the part of people.json that each set knows
    "labelled": "labelled",
    "labelled_held": "labelled_held",
    "labelled_hard": "labelled",
    "labelled_said": "labelled",
}


@dataclass(slots=True)
class Score:
    """The counts of one kind: labelled details and found ones, replacements and right ones; its faults."""

    labelled: int = 0
    found: int = 0
    taken: int = 0
    right: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.labelled if self.labelled else 1.0

    @property
    def precision(self) -> float:
        return self.right / self.taken if self.taken else 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled text with the (start, end, kind) of its details."""

    lang: str
    text: str
    spans: tuple[tuple[int, int, str], ...]


def lines(name: str) -> list[Line]:
    """The lines of a labelled set."""
    rows = (json.loads(row) for row in (EXPORTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [Line(row["lang"], row["text"], tuple(tuple(span) for span in row["spans"])) for row in rows]


def scrubber(name: str) -> Scrubber:
    """A scrubber that knows the people of a labelled set."""
    people = json.loads((EXPORTS / "people.json").read_text(encoding="utf-8"))[PEOPLE[name]]
    consent, others = (
        [KnownPerson(row[0], tuple(row[1:])) for row in people[part]] for part in ("consent", "others")
    )
    return Scrubber(b"benchmark", consent=consent, others=others)


def measure(name: str) -> dict[tuple[str, str], Score]:
    """The scores of a set by kind and language."""
    subject, scores = scrubber(name), dict[tuple[str, str], Score]()
    for line in lines(name):
        found = subject.scrub(line.text).found
        gone = {place for one in found for place in range(one.start, one.end)}
        meant = {place for start, end, _ in line.spans for place in range(start, end)}
        for start, end, kind in line.spans:
            score = scores.setdefault((kind, line.lang), Score())
            is_gone = all(place in gone or line.text[place].isspace() for place in range(start, end))
            score.labelled += 1
            score.found += is_gone
            score.faults += [] if is_gone else [f"missed {line.text[start:end]!r} in {line.text!r}"]
        for one in found:
            score = scores.setdefault((one.kind, line.lang), Score())
            is_right = 2 * sum(place in meant for place in range(one.start, one.end)) >= one.end - one.start
            score.taken += 1
            score.right += is_right
            score.faults += [] if is_right else [f"took {one.original!r} in {line.text!r}"]
    return scores


def by_kind(scores: dict[tuple[str, str], Score]) -> dict[str, Score]:
    """The scores of all languages together."""
    together = dict[str, Score]()
    for (kind, _), score in sorted(scores.items()):
        whole = together.setdefault(kind, Score())
        whole.labelled += score.labelled
        whole.found += score.found
        whole.taken += score.taken
        whole.right += score.right
        whole.faults += score.faults
    return together


_CHAT = (
    "lol yeah i know right|so what are we doing tonight then|ok|haha no way|that movie was so good, "
    "the ending killed me|"
    "i can't believe it's already november, feels like last week was summer|"
    "今天晚上吃什么啊|我刚到家，累死了|不知道诶，要不明天再说吧|"
    "he said he would come at 8 but i doubt it|wait which one do you mean|看了那个视频没有哈哈哈哈|brb food|"
    "I think we should leave early, traffic is going to be awful|nah it was 3-2 in the end, 85th "
    "minute winner"
).split("|")


def texts(count: int, share: float) -> list[str]:
    """Chat lines, of which a share comes from the labelled set."""
    draw = random.Random(5)
    labelled = [line.text for line in lines("labelled")]
    return [draw.choice(labelled if draw.random() < share else _CHAT) for _ in range(count)]


def crowd(count: int) -> list[KnownPerson]:
    """Invented people, for the cost of a long list of names."""
    draw = random.Random(6)
    syllables = "bal dor fen gri hul jas kel mor nim oss pel quor rin sul tav vex".split()
    names = ("".join(draw.choices(syllables, k=3)).capitalize() for _ in range(2 * count))
    return [KnownPerson(str(number), (f"{next(names)} {next(names)}",)) for number in range(count)]


def speed(subject: Scrubber, chat: list[str]) -> float:
    """Texts a second of CPU time."""
    begin = time.process_time()
    for text in chat:
        subject.scrub(text)
    return len(chat) / (time.process_time() - begin)


def main() -> None:
    for name in SETS:
        scores = measure(name)
        details = Counter(kind for line in lines(name) for *_, kind in line.spans)
        print(f"\n{name}: {len(lines(name))} lines, {details.total()} details")
        for kind, score in by_kind(scores).items():
            languages = ", ".join(
                f"{lang} {one.found}/{one.labelled}"
                for (of, lang), one in sorted(scores.items())
                if of == kind
            )
            print(
                f"{kind:9} recall {score.found:3}/{score.labelled:<3} {score.recall:6.1%}"
                f"   precision {score.right:3}/{score.taken:<3} {score.precision:6.1%}   {languages}"
            )
            for fault in score.faults:
                print(f"          {fault}")
    print()
    for people in (18, 2000):
        subject = scrubber("labelled") if people == 18 else Scrubber(b"benchmark", others=crowd(people))
        for share in (0.0, 0.05, 1.0):
            chat = texts(20_000, share)
            print(
                f"{people:5} people, {share:4.0%} of the texts labelled: {speed(subject, chat):8,.0f} texts/s"
            )


if __name__ == "__main__":
    main()
