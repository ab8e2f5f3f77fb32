"""The error whose text is meant for a person."""


class UserError(Exception):
    """A fault and its remedy in one clear sentence, shown as it is, with exit code 2."""
