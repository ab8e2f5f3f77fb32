"""The senders in LINE's export from a computer, where only a blank stands between a name and the words."""

_LONGEST = 5  # words of a name
_OFTEN = 3  # messages after which words that always stand in front are a name
_MOST = 10_000  # first words that are counted


class PcNames:
    """The names of a chat, found by all of its rows: the words with which a sender's rows always begin.

    A name that the file or its folder tells counts from the first message on.
    """

    def __init__(self, told: str = "") -> None:
        self._told = told
        self._counts: dict[str, int] = {}
        self._starts: dict[str, list[str]] = {}

    def add(self, row: str) -> None:
        """Count a row's text, which begins with a name."""
        words = row.split(" ", _LONGEST)[:_LONGEST]
        first = words[0]
        if first not in self._starts:
            if len(self._starts) < _MOST:
                self._starts[first], self._counts[first] = words[:-1] or words, 1
            return
        self._counts[first] += 1
        start = self._starts[first]
        same = sum(1 for _ in _common(start, words))
        self._starts[first] = start[: max(1, min(same, len(words) - 1))]

    def all(self) -> set[str]:
        """Return the names of all senders."""
        return {self.split(f"{' '.join(start)} ")[0] for start in self._starts.values()}

    def split(self, row: str) -> tuple[str, str]:
        """Return the name and the words of a row; a row of one word has no words."""
        if self._told and row.startswith(f"{self._told} "):
            return self._told, row[len(self._told) + 1 :]
        first = row.partition(" ")[0]
        often = self._counts.get(first, 0) >= _OFTEN
        name = " ".join(self._starts[first]) if often else first
        return name, row[len(name) + 1 :]


def _common(start: list[str], words: list[str]) -> list[str]:
    """Return the words that two beginnings have in common."""
    found = []
    for one, other in zip(start, words, strict=False):
        if one != other:
            break
        found.append(one)
    return found
