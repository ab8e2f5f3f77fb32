"""A parser of the command line that answers other programs' options with what to write here."""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from bot.foreign_names import answer_foreign_option

_UNKNOWN = "unrecognized arguments: "  # the beginning of argparse's message
_OPTION = re.compile(r"--[\w-]+")


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors name another program's option before anything else that is wrong."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        if message.startswith(_UNKNOWN):
            unknown = message.removeprefix(_UNKNOWN).split()
        else:
            known = set(_OPTION.findall(self.format_help()))
            unknown = [word for word in self._given if word.partition("=")[0] not in known]
        super().error(answer_foreign_option(unknown) or message)
