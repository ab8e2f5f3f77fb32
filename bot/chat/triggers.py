"""Does this message call for an answer, by which rule, and whose?"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.message import Message
from bot.persona.persona import Persona

# a letter or digit of a script that puts a space around a name: not Thai to Khmer, kana and Han, and not
# Hangul, where particles follow a name at once
_LETTER = (
    r"[^\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u30ff\u3100-\u318f\u3400-\u9fff"
    r"\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)


LONGEST_BOT_TALK = 8  # messages of bots and personas in a row, after which a person must say something
_ADDRESSED = {"mention": "mentioned", "reply": "a reply to it", "thread": "its own thread"}


@dataclass(frozen=True, slots=True)
class ReplyDecision:
    """The decision about one message; the rule is a phrase that `/why` can show."""

    answer: bool
    rule: str
    persona: str


@dataclass(frozen=True, slots=True)
class TriggerContext:
    """What matters of the place where a message was said.

    `resident` is the persona of the place, the one who answers unless another one is called by name;
    `replied` the one whose words the message replies to. In a place that `listens`, everything is answered;
    with `names`, whoever is called; with `bots`, other bots too, unless `bot_turns` of them and of personas
    came in a row.
    """

    resident: str
    replied: str | None = None
    listens: bool = False
    names: bool = True
    bots: bool = False
    bot_turns: int = 0


def decide_reply(
    message: Message, personas: Mapping[str, Persona], situation: TriggerContext
) -> ReplyDecision:
    """Apply the rules in their order."""
    resident = situation.resident
    called = [key for key, persona in personas.items() if calls(message.text, persona)]
    speaker = resident if resident in called or not called else called[0]
    if situation.replied in personas:
        speaker = str(situation.replied)
    if message.persona or (message.author.is_bot and not situation.bots):
        return ReplyDecision(False, "bots are not answered", speaker)
    if message.author.is_bot and situation.bot_turns >= LONGEST_BOT_TALK:
        return ReplyDecision(False, "bots have talked long enough", speaker)
    if message.address == "direct":
        return ReplyDecision(True, "direct chat", resident)
    if situation.replied in personas:
        return ReplyDecision(True, "a reply to it", speaker)
    if message.address:
        return ReplyDecision(True, _ADDRESSED[message.address], speaker)
    if called and situation.names:
        return ReplyDecision(True, "called by name", speaker)
    if situation.listens:
        return ReplyDecision(True, "listens here", speaker)
    return ReplyDecision(False, "not addressed", speaker)


def calls(text: str, persona: Persona) -> bool:
    """Whether a text names the persona, as a whole word where its script has words."""
    folded = _fold(text)
    names = {persona.name, persona.card.name, *persona.names}
    return any(_word(_fold(name)).search(folded) for name in names)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=1024)
def _word(name: str) -> re.Pattern[str]:
    before = f"(?<!{_LETTER})" if re.match(_LETTER, name[0]) else ""
    after = f"(?!{_LETTER})" if re.match(_LETTER, name[-1]) else ""
    return re.compile(before + re.escape(name) + after)
