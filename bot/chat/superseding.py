"""The bound of superseding: nobody keeps a place without an answer by writing on and on."""

from collections.abc import Callable

MAX_SUPERSEDED = 3  # replies in a row that newer messages replace
LONGEST_SUPERSEDING = 30.0  # seconds from the start of the first of them


class SupersedeLimit:
    """Counts the superseded replies of one place until a reply is made. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._superseded, self._since = 0, 0.0

    def begin_reply(self) -> None:
        """Note the start of a reply; the first one of a row starts the clock."""
        if not self._superseded:
            self._since = self._clock()

    def note_superseded(self) -> None:
        """Note that a newer message replaced the reply."""
        self._superseded += 1

    def reset(self) -> None:
        """Note that a reply was made, or failed: the next row begins."""
        self._superseded = 0

    @property
    def is_reached(self) -> bool:
        """True where the reply under way must be made, whatever its author adds."""
        return self._superseded >= MAX_SUPERSEDED or self._clock() - self._since >= LONGEST_SUPERSEDING
