"""Example dialogues of cards as turns: who speaks each line, in the many ways in which authors write it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.persona.macros import MacroContext
from bot.persona.persona import Persona
from bot.prompt.chat_template import Role
from bot.prompt.renderer import PromptPart, Turn
from bot.text.folding import fold

_LONGEST_LABEL = 100  # characters: a card's longest name
_DRESS = "*_`~<>[]()#>【】- \t\u3000"  # around a label
_BEHIND = "*_~` \t\u3000"  # around the words behind a label
_COLON = re.compile("[:：]")
_HAN_NAME = re.compile("[\u4e00-\u9fff]{3,4}")
_USERS = frozenset({"user", "you", "human", "anon", "用户"})
_CHARACTERS = frozenset({"char", "bot", "character", "assistant", "角色"})
_SMALL = frozenset("of the de da di du la le van von der den and & al el bin no".split())
_TITLES = _SMALL | frozenset("mr mrs ms dr mr. mrs. ms. dr. miss sir lady lord king queen prince".split())
_MOST_WORDS = 4
# words before a colon that begin a remark or a list, not a speech
_REMARKS = frozenset(
    """note notes nb ps p.s warning warnings caution tip tips hint example examples remember important summary
    name names age gender sex species race height weight hair eyes body appearance clothing clothes outfit
    personality likes dislikes hobbies job occupation role background backstory history setting scene scenario
    location place time date mood thought thoughts status stats skills abilities goal goals speech
    relationship description ooc system http https today tomorrow yesterday first second third finally also
    answer question
    result total reply inventory menu rule rules step list ingredients recipe title subject from to re cc fact
    translation update edit spoiler dinner lunch breakfast monday tuesday wednesday thursday friday saturday
    sunday weather hp mp gold level quest format output input code song quote motto
    注意 注 备注 提示 警告 例如 姓名 名字 年龄 性别 性格 外貌 时间 地点 状态 心情""".split()
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a dialogue; `speaker` is the label before its colon, empty where it has none."""

    speaker: str
    words: str
    whole: str


def dialogue_turns(
    block: str, persona: Persona, scene: MacroContext, *, labelled: bool = True
) -> Iterator[Turn]:
    """Yield an example dialogue, with its macros expanded, as turns.

    Lines of the character, by any of its names, are the assistant's. Lines of the user, and of anybody else
    who plainly speaks, are the user's, with their label. A line without a speaker continues the turn before;
    lines before the first speaker are that one's. A block without any speaker is the character's own words.
    Where the prompt is not `labelled`, a block has labels only if names stand in groups and several speak in
    it.
    """
    called = {fold(scene.user), fold(scene.user.strip(_DRESS))} - {""}
    own, users = _names_of(persona) - called, _USERS | called
    names = (scene.char, persona.card.name, scene.user)
    lines = [_read_line(line, names) for line in _undented(block.splitlines())]
    is_dialogue = any(_is_one_of(line.speaker, own | users) for line in lines)
    roles = [_role_of(line, own, users, is_dialogue=is_dialogue) for line in lines]
    if not labelled and persona.speaker_names == "groups":
        asked = (line for line, spoken in zip(lines, roles, strict=True) if spoken == "user")
        labelled = len({_label(line, users, scene) for line in asked}) > 1
    role: Role | None = None
    held: list[str] = []
    for line, spoken in zip(lines, roles, strict=True):
        if spoken is not None:
            if role is not None:
                yield from _turn(role, held)
                held = []
            role = spoken
        held.append(_shown(line, spoken, _label(line, users, scene) if labelled else ""))
    yield from _turn(role or "assistant", held)


def _turn(role: Role, lines: Sequence[str]) -> Iterator[Turn]:
    if text := "\n".join(lines).strip():
        yield Turn(role, (PromptPart("example", text),))


def _role_of(line: _Line, own: frozenset[str], users: frozenset[str], *, is_dialogue: bool) -> Role | None:
    """Return the role that a line begins; None for a line that continues the one before."""
    if not line.speaker:
        return None
    if _is_one_of(line.speaker, own):
        return "assistant"
    if _is_one_of(line.speaker, users):
        return "user"
    return "user" if is_dialogue and _is_name(line) else None


def _label(line: _Line, users: frozenset[str], scene: MacroContext) -> str:
    return scene.user if _is_one_of(line.speaker, users) else line.speaker


def _shown(line: _Line, role: Role | None, label: str) -> str:
    """Return a line as the prompt has it; `label` is that of a user's line, "" where it has none."""
    if role is None:
        return line.whole
    if role == "assistant" or not label:
        return line.words
    return f"{label}: {line.words}" if line.words else f"{label}:"


def _is_one_of(label: str, names: frozenset[str]) -> bool:
    """Return whether a label is one of the folded names, with or without a remark: "Mara (smiling)"."""
    return bool(label) and (fold(label) in names or fold(label.partition("(")[0].strip(_DRESS)) in names)


def _is_name(line: _Line) -> bool:
    """Return whether a label is plainly somebody's name: few words, each with a capital, and no remark."""
    words = line.speaker.split()
    if len(words) > _MOST_WORDS or any(fold(word).strip(".") in _REMARKS for word in words):
        return False
    if line.words.startswith("//") or (words[-1][-1].isdigit() and line.words[:1].isdigit()):
        return False  # an address, or a time of day
    named = [word for word in words if word.casefold() not in _SMALL]
    return bool(named) and all(_begins_a_name(word) for word in named) and _begins_a_name(words[0])


def _begins_a_name(word: str) -> bool:
    """Return whether a word begins with a capital, a digit or a letter of a script without capitals."""
    return word[0].isdigit() or (word[0].isalpha() and not word[0].islower())


def _read_line(line: str, names: Sequence[str]) -> _Line:
    """Divide a line at the colon behind its label, which may be dressed: `**Mara:** Hm`, `[Mara]: Hm`.

    The given names are found whole, even with a colon in them.
    """
    bare = line.lstrip()
    if found := next((name for name in names if bare.startswith((f"{name}:", f"{name}："))), None):
        return _Line(found, bare[len(found) + 1 :].strip(), line)
    colon = _COLON.search(line, 0, _LONGEST_LABEL + 10)
    if colon is None:
        return _Line("", "", line)
    label = line[: colon.start()].strip(_DRESS)
    if not 0 < len(label) <= _LONGEST_LABEL:
        return _Line("", "", line)
    rest = line[colon.end() :]
    dress = line[: line.find(label[0])].strip()
    if dress and set(dress) <= set(_BEHIND) and rest.startswith(dress):  # closed behind the colon
        rest = rest[len(dress) :]
    return _Line(label, rest.strip(), line)


def _undented(lines: Sequence[str]) -> list[str]:
    """Return lines without the indentation that all but the first share; the first has lost its own."""
    margins = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(margins, default=0)
    return [line.rstrip() if number == 0 else line[margin:].rstrip() for number, line in enumerate(lines)]


def _names_of(persona: Persona) -> frozenset[str]:
    return _folded_names((persona.name, persona.card.name, *persona.names))


@lru_cache(maxsize=256)
def _folded_names(names: tuple[str, ...]) -> frozenset[str]:
    """Return names, and the part of each that calls a person: "Mara" of "Mara Quill", 小满 of 林小满."""
    folded = [fold(name.strip(_DRESS)) for name in names]
    called = ([word for word in name.split() if word not in _TITLES] for name in folded)
    first = [words[0] for words in called if words]
    given = [name[-2:] for name in folded if _HAN_NAME.fullmatch(name)]
    return frozenset((*folded, *first, *given, *_CHARACTERS)) - {""}
