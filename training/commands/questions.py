"""Questions on the terminal, each with the flag that answers it beforehand."""

import sys

from bot.errors import UserError
from bot.system.console import write_line


def ask(question: str, flag: str) -> str:
    """Ask on the terminal and return the answer. Raises `UserError` with the flag where no terminal is."""
    if not sys.stdin.isatty():
        raise UserError(f"Nobody can be asked here, since standard input is no terminal: say {flag}.")
    sys.stdout.flush()
    write_line(question, sys.stderr, end="")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise UserError(f"There was no answer: give the same line again, or say {flag}.")
    return answer.strip()


def ask_yes(question: str, flag: str) -> bool:
    """Ask a question that Enter, "y" and "yes" affirm."""
    return ask(f"{question} [Y/n] ", flag).casefold() in ("", "y", "yes", "j", "ja", "是", "好")
