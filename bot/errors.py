"""Errors whose text is meant for a person."""


class UserError(Exception):
    """A fault and its remedy in one clear sentence, shown as it is, with exit code 2.

    Strangers read the sentence `public` in its place, where there is one.
    """

    def __init__(self, text: str = "", *, public: str = "") -> None:
        super().__init__(text)
        self.public = public


class RestartNeeded(UserError):
    """A fault that ends with this process: exit code `EXIT_RESTART`, after which a service starts it again.

    Messages that were accepted are answered by the next process.
    """


EXIT_RESTART = 75  # EX_TEMPFAIL of sysexits.h
