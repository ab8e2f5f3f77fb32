"""Private details leave a text before a model is trained on it; a review lets a person check that."""

from training.scrub.key import read_key
from training.scrub.review import Review
from training.scrub.roster import everybody
from training.scrub.scrubber import Scrubber
from training.scrub.span import KINDS, Found, Label, Person, Scrubbed

__all__ = ["KINDS", "Found", "Label", "Person", "Review", "Scrubbed", "Scrubber", "everybody", "read_key"]
