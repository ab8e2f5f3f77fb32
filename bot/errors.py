"""The one error whose text is meant for a person."""


class UserError(Exception):
    """What went wrong and what to do about it, in one clear sentence; shown as it is, with exit code 2."""
