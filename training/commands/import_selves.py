"""The choice of the persona in an import: by --me, the export, the persona's own name, or a question."""

import shlex
import sys
from collections.abc import Sequence

from bot.errors import UserError
from bot.system.console import write_line
from training.importers.reading.import_log import ImportLog
from training.store.participants import MessageCount, Participants, describe_candidates
from training.store.roles import is_role

_TRIES = 3


def find_selves(
    participants: Participants, log: ImportLog, may_ask: bool, likely: Sequence[str] = ()
) -> dict[str, set[str]]:
    """Return the persona's author ids on every platform of this import; ask where nothing tells them.

    The log notes whose name or export decided. Raises `UserError` where nobody may be asked, and for a name
    in --me that no author has.
    """
    participants.check_names()
    platforms = participants.platforms()
    selves = {platform: participants.persona_ids(platform) for platform in platforms}
    for platform in platforms:
        if participants.is_owner_only(platform):
            doubt, choices = _doubt(participants, platform, likely)
            if doubt:
                selves[platform] = _resolve(participants, platform, doubt, choices, may_ask)
            elif not all(is_role(platform, id) for id in selves[platform]):
                owner = participants.describe_authors(platform, selves[platform])
                log.note(f"On {platform} the persona is {owner}, whose export this is.")
        elif not selves[platform]:
            selves[platform] = _find_unowned(participants, platform, log, may_ask, likely)
    return selves


def _doubt(
    participants: Participants, platform: str, likely: Sequence[str]
) -> tuple[str, list[MessageCount]]:
    """Return why the owner of an export may be somebody else than the persona, and whom to choose from."""
    owners = participants.export_ids[platform]
    owner = participants.describe_authors(platform, owners)
    known = [participants.authors[platform, id] for id in sorted(owners)]
    if other := participants.overruled():
        said = participants.describe_authors(other, participants.said_ids[other])
        belongs = f"The export of {platform} belongs to {owner}"
        return f"{belongs}, but on {other} --me chooses {said} instead of its owner", known
    called = participants.authors_called(platform, likely)
    if not called or any(each.id in owners for each in called):
        return "", []
    names = " and ".join(each.label for each in called)
    return f"The export of {platform} belongs to {owner}, but the persona has the name of {names}", [
        *called,
        *known,
    ]


def _resolve(
    participants: Participants, platform: str, doubt: str, choices: list[MessageCount], may_ask: bool
) -> set[str]:
    if not may_ask:
        listed = " or ".join(f"--me {shlex.quote(each.id)}" for each in choices)
        more = "" if len(choices) > 1 else " as well, or import each export alone"
        raise UserError(f"{doubt}: say {listed}{more}.")
    others = [each for each in participants.candidates(platform) if each not in choices]
    return _ask(f"{doubt}. Who is the persona on {platform}?", [*choices, *others])


def _find_unowned(
    participants: Participants, platform: str, log: ImportLog, may_ask: bool, likely: Sequence[str]
) -> set[str]:
    """Return the persona's ids where the export does not tell its owner."""
    called = participants.authors_called(platform, likely)
    if len(called) == 1:
        log.note(f"On {platform} the persona is {called[0].label}, who has the persona's name.")
        return {called[0].id}
    candidates = participants.candidates(platform)
    if not candidates:
        raise UserError(
            f"There are questions only in the data set ({platform}), and no answer to learn from."
        )
    if not may_ask:
        raise UserError(
            f"Who is the persona on {platform}? Say --me with a name or an id: "
            f"{describe_candidates(candidates)}."
        )
    return _ask(f"Who is the persona on {platform}?", candidates)


def _ask(question: str, candidates: Sequence[MessageCount]) -> set[str]:
    """Ask on the terminal, and again after a wrong answer. Raises `UserError` where none of them is right."""
    lines = [f"{number:>3}  {each.label}, {each.messages:,}" for number, each in enumerate(candidates, 1)]
    write_line("\n".join((question, *lines)), sys.stderr)
    fault = ""
    for _ in range(_TRIES):
        if fault:
            write_line(f"{fault}.", sys.stderr)
        try:
            answer = input("Number, name or id (several numbers, if all are the same person): ").strip()
        except EOFError:
            fault = "'' is none of them"
            break
        chosen, fault = _choose(answer, candidates)
        if chosen:
            return chosen
    raise UserError(f"{fault}: import again and choose one, or say --me.")


def _choose(answer: str, candidates: Sequence[MessageCount]) -> tuple[set[str], str]:
    """Return the ids that an answer chooses, or the reason why it chooses none."""
    parts = answer.replace(",", " ").split()
    if parts and all(part.isdecimal() and 0 < int(part[:9]) <= len(candidates) for part in parts):
        return {candidates[int(part) - 1].id for part in parts}, ""
    wanted = answer.casefold()
    found = [each for each in candidates if each.id.casefold() == wanted]
    found = found or [each for each in candidates if each.name.casefold() == wanted]
    if len(found) == 1:
        return {found[0].id}, ""
    return set(), f"{answer!r} is {'the name of several' if found else 'none of them'}"
