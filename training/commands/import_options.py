"""The options that say how exports are read, of the commands `import` and `make`."""

import argparse
from argparse import Namespace


def add_import_options(command: argparse.ArgumentParser) -> None:
    """Add these options to a command."""
    me = "the persona's name or id in the exports, where they do not say; may be given several times"
    command.add_argument("--me", metavar="NAME_OR_ID", action="append", help=me)
    anew = "--me takes the place of who the persona was so far on that platform, instead of being added"
    command.add_argument("--me-anew", action="store_true", help=anew)
    dates = "the first part of dates like 3/4/20, where the file does not show it"
    command.add_argument("--dates", choices=("day", "month"), help=dates)
    texts = "read texts that no format knows as the persona's own: for the stage of facts, or as posts"
    command.add_argument("--as", dest="texts", choices=("facts", "posts"), help=texts)


def option_words(options: Namespace) -> list[str]:
    """Return the words of a command line that give the same options."""
    words = [word for me in options.me or () for word in ("--me", me)]
    words += ["--me-anew"] if options.me_anew else []
    words += ["--dates", options.dates] if options.dates else []
    return words + (["--as", options.texts] if options.texts else [])
