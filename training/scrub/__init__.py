"""Private details leave a text before a model is trained on it; a review lets a person check that."""

from training.scrub.detectors.span import KINDS, Found, Label, Person, Scrubbed
from training.scrub.key import read_key
from training.scrub.review import Review
from training.scrub.roster import everybody
from training.scrub.scrubber import Scrubber

__all__ = ["KINDS", "Found", "Label", "Person", "Review", "Scrubbed", "Scrubber", "everybody", "read_key"]
