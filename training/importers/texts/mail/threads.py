"""The first mail of each thread, where a mail names only the one that it answers."""

_MOST = 100_000  # ids in each of two tables: the mails of a thread stand near one another


class Threads:
    """The threads of one file, by the ids of the mails met so far; bounded."""

    def __init__(self) -> None:
        self._roots, self._earlier = dict[str, str](), dict[str, str]()

    def root_of(self, id: str) -> str:
        """Return the first mail of the thread that a mail is in; of one not met, the mail itself."""
        return self._roots.get(id) or self._earlier.get(id) or id

    def add(self, id: str, parent: str) -> str:
        """Add a mail that answers another, or none (""); return the first mail of its thread."""
        root = self.root_of(parent or id)
        if id not in self._roots:
            if len(self._roots) >= _MOST:
                self._roots, self._earlier = {}, self._roots
            self._roots[id] = root
        return root
