"""The people of the scrubber tests, and the scrubber that knows them."""

from bot.message import Author
from training.scrub.detectors.span import KnownPerson
from training.scrub.scrubber import Scrubber

BEN = KnownPerson("me", ("Ben Carter", "bencarter"))
ALICE = KnownPerson("1", ("Alice Nguyen", "alice_ng"))
MING = KnownPerson("2", ("王小明", "Xiaoming"))
WILL = KnownPerson("3", ("Will Turner", "Bill"))
SUBJECT = Scrubber(
    b"key", consent=[BEN], others=[ALICE, MING, WILL], words=["Projekt Falke"], keep=["example.org"]
)
ALICE_NAME = SUBJECT.shown_author(Author("1", "Alice Nguyen")).name
