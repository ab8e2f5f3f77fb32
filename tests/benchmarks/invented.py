"""Messages that nobody wrote: an archive of posts and chats, alike enough to a real one to be measured on."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from training.store.messages import ExportedMessage, to_lines

SHORT = ("ok", "lol", "yes", "no", "haha", "sure", "on my way", "good night", "thanks", "what", "😂", "true")
_ONSETS = "b c d f g h k l m n p r s t v w br ch cl dr fl gr pl sh st th tr".split()
_VOWELS = "a e i o u ai ea ee oo ou".split()
_BATCH = 4096


class Inventor:
    """Draws words as languages have them: few often, most seldom."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        syllables = [onset + vowel for onset in _ONSETS for vowel in _VOWELS]
        self._words = ["".join(self.dice.choices(syllables, k=1 + n % 3)) for n in range(20_000)]

    def text(self) -> str:
        """Something short in a fourth of all cases, else a sentence or three."""
        if self.dice.random() < 0.25:
            return self.dice.choice(SHORT)
        count = min(60, 2 + int(self.dice.expovariate(1 / 9)))
        ranks = (int(self.dice.paretovariate(0.6)) % len(self._words) for _ in range(count))
        words = " ".join(self._words[rank] for rank in ranks)
        return words.capitalize() + self.dice.choice((".", "", "!", "?"))


def posts(count: int, inventor: Inventor) -> Iterator[ExportedMessage]:
    """Tweets: a sixth answers an own one, a third somebody else's, of which a tenth is known."""
    dice, now = inventor.dice, 1.4e9
    for number in range(count):
        now += dice.expovariate(1 / 9000)
        kind, parent = dice.random(), None
        if kind < 1 / 6 and number:
            parent = str(10**15 + number - 1)
        elif kind < 1 / 2:
            parent = str(9 * 10**15 + number)
            if dice.random() < 0.1:
                yield _post(parent, "77", "Somebody", now - 60, inventor.text(), None, is_self=False)
        yield _post(str(10**15 + number), "1", "Mara", now, inventor.text(), parent, is_self=True)


def chat(number: int, count: int, people: int, inventor: Inventor) -> Iterator[ExportedMessage]:
    """A chat of two or many, in conversations with silences between, and replies."""
    dice, now, ids = inventor.dice, 1.4e9 + number * 1e6, list[str]()
    speaker = 0
    for at in range(count):
        now += dice.expovariate(1 / 25) if dice.random() < 0.93 else dice.uniform(8e3, 2e5)
        if dice.random() < 0.6:
            speaker = dice.randrange(people)
        reply_to = dice.choice(ids[-8:]) if ids and people > 2 and dice.random() < 0.2 else None
        ids = [*ids[-8:], str(at)]
        yield ExportedMessage(
            platform="telegram",
            chat=str(number),
            id=str(at),
            author="1" if speaker == 0 else f"{number}-{speaker}",
            author_name="Mara" if speaker == 0 else f"Friend {speaker}",
            time=round(now),
            source="result.json",
            text=inventor.text(),
            is_self=speaker == 0,
            chat_kind="direct" if people == 2 else "group",
            reply_to=reply_to,
        )


def archive(path: Path, count: int, share: float = 0.5, seed: int = 7) -> int:
    """Write a messages.jsonl of about so many messages, a share of them posts; return how many it has."""
    inventor, written = Inventor(seed), 0

    def all_of_it() -> Iterator[ExportedMessage]:
        yield from posts(int(count * share), inventor)
        left, number = count - int(count * share), 0
        while left > 0:
            size, number = min(left, inventor.dice.choice((40, 400, 4000))), number + 1
            yield from chat(number, size, inventor.dice.choice((2, 2, 5)), inventor)
            left -= size

    path.parent.mkdir(parents=True, exist_ok=True)
    batch = list[ExportedMessage]()
    with path.open("wb") as file:
        for said in all_of_it():
            batch.append(said)
            written += 1
            if len(batch) == _BATCH:
                file.write(to_lines(batch))
                batch.clear()
        file.write(to_lines(batch))
    return written


def _post(
    id: str, author: str, name: str, time: float, text: str, parent: str | None, *, is_self: bool
) -> ExportedMessage:
    return ExportedMessage(
        platform="x",
        chat="1",
        id=id,
        author=author,
        author_name=name,
        time=round(time, 3),
        source="archive.zip/data/tweets.js",
        text=text,
        is_self=is_self,
        chat_kind="timeline",
        reply_to=parent,
    )
