"""The decision whether a message calls for a reply, by which rule, and by which persona."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.chat.spoken_words import EMOJI_AND_LINKS, JOINT, UNSPOKEN, mark_unspoken
from bot.message import Message
from bot.persona.persona import Persona
from bot.text.folding import fold
from bot.text.whole_words import LETTER

_LETTER = re.compile(f"{LETTER}|{JOINT}")

LONGEST_BOT_TALK = 8  # messages in a row by bots and personas; then a person must write first
NOT_ADDRESSED = "not addressed"  # the rule by which a message is ignored until an edit addresses somebody
_ADDRESS_RULES = {"mention": "mentioned", "reply": "a reply to it", "thread": "its own thread"}


@dataclass(frozen=True, slots=True)
class ReplyDecision:
    """The decision about one message, with the persona that replies; `/why` shows the rule."""

    answer: bool
    rule: str
    persona: str


@dataclass(frozen=True, slots=True)
class TriggerContext:
    """The facts about a message's place that the rules need.

    `resident` is the key of the persona that replies unless another one is called by name; `replied` is the
    key of the persona whose message this one replies to. In a place that `listens`, every message gets a
    reply; with `names`, a message that calls a persona; with `bots`, messages of other bots too. `bot_turns`
    counts the newest messages in a row by bots and personas.
    """

    resident: str
    replied: str | None = None
    listens: bool = False
    names: bool = True
    bots: bool = False
    bot_turns: int = 0


def decide_reply(message: Message, personas: Mapping[str, Persona], context: TriggerContext) -> ReplyDecision:
    """Return the decision of the first rule that applies.

    | #  | the message                                               | reply | rule                         |
    |----|-----------------------------------------------------------|-------|------------------------------|
    | 1  | is a persona's, or a bot's where `bots` is off            | no    | bots are not answered        |
    | 2  | is a bot's, after `LONGEST_BOT_TALK` by bots and personas | no    | bots have talked long enough |
    | 3  | was sent in a direct chat                                 | yes   | direct chat                  |
    | 4  | replies to a message of a persona in the cast             | yes   | a reply to it                |
    | 5  | mentions the bot                                          | yes   | mentioned                    |
    | 6  | replies to any other message of the bot                   | yes   | a reply to it                |
    | 7  | is in a thread that the bot began                         | yes   | its own thread               |
    | 8  | calls a persona by name, where `names` is on              | yes   | called by name               |
    | 9  | is any other, where `listens` is on                       | yes   | listens here                 |
    | 10 | is any other                                              | no    | not addressed                |

    Under rule 3 the resident replies. Under any other rule, the persona of the message that this one replies
    to does; else the resident, if it is called or nobody is; else the first persona called.
    """
    spoken = message.text if message.spoken is None else message.spoken
    resident, folded = context.resident, fold(EMOJI_AND_LINKS.sub(" ", spoken))
    marked = mark_unspoken(folded)
    called = [key for key, persona in personas.items() if _is_named(folded, marked, persona)]
    speaker = resident if resident in called or not called else called[0]
    if context.replied in personas:
        speaker = str(context.replied)
    if message.persona or (message.author.is_bot and not context.bots):
        return ReplyDecision(False, "bots are not answered", speaker)
    if message.author.is_bot and context.bot_turns >= LONGEST_BOT_TALK:
        return ReplyDecision(False, "bots have talked long enough", speaker)
    if message.address == "direct":
        return ReplyDecision(True, "direct chat", resident)
    if context.replied in personas:
        return ReplyDecision(True, "a reply to it", speaker)
    if message.address:
        return ReplyDecision(True, _ADDRESS_RULES[message.address], speaker)
    if called and context.names:
        return ReplyDecision(True, "called by name", speaker)
    if context.listens:
        return ReplyDecision(True, "listens here", speaker)
    return ReplyDecision(False, NOT_ADDRESSED, speaker)


def is_called(folded: str, persona: Persona) -> bool:
    """Return True where a folded text names the persona, as a whole word where its script has words.

    Names in links, code, emoji, paths, addresses, forwarded and quoted lines, in what is said of files and
    previews, and within longer names with hyphens or underscores, call nobody.
    """
    return _is_named(folded, mark_unspoken(folded), persona)


def _is_named(folded: str, marked: str, persona: Persona) -> bool:
    names = {persona.name, persona.card.name, *persona.names}
    return any(_names(folded, marked, _folded_name(name)) for name in names)


def _names(folded: str, marked: str, name: str) -> bool:
    at = folded.find(name)
    while at >= 0:
        end = at + len(name)
        before, after = marked[max(at - 1, 0) : at], marked[end : end + 1]
        is_word = not (_are_letters(before, name[0]) or _are_letters(name[-1], after))
        # a name such as "Mara.ai" is marked where it stands alone, too
        is_inside = UNSPOKEN * 2 in (before + marked[at], marked[end - 1] + after)
        if is_word and not is_inside:
            return True
        at = folded.find(name, at + 1)
    return False


def _are_letters(before: str, after: str) -> bool:
    """Return whether two characters belong to one word; there is none beyond either end of a text."""
    return bool(_LETTER.match(before) and _LETTER.match(after))


@lru_cache(maxsize=1024)
def _folded_name(name: str) -> str:
    return fold(name)
