"""Discord's refusals by their JSON codes: the meaning for people, and the next best way to send the message.

Codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes. Those that
no call of this bot can bring about (payments, stickers, stages, guild templates and the like) are left out.
"""

from dataclasses import dataclass
from enum import Enum, auto

import discord


class Remedy(Enum):
    """The next best way for a message that was refused."""

    LATER = auto()  # the same call again, after a while
    WITHOUT_REFERENCE = auto()  # as a message that is no reply
    SEND_ANEW = auto()  # an edit is refused: another message in its place
    NEW_WEBHOOK = auto()  # through another webhook, which is looked for or made
    AS_ACCOUNT = auto()  # not through a webhook
    IN_PARENT = auto()  # not in the thread: in its channel
    TELL_BLOCKED = auto()  # a filter refuses the words: people are told so
    GIVE_UP = auto()  # nothing helps: the log names the reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """The meaning of a code, for whoever runs the bot, and the next best way."""

    remedy: Remedy
    meaning: str


UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION = 10003, 10008, 10015, 10062
WRONG_WEBHOOK_TOKEN, INVALID_FORM = 50027, 50035
TOO_MANY_WEBHOOKS = (30007, 30058)  # in the channel, in the server
CLOSED_THREAD = (50083, 160005)  # archived, locked
ENTRY_POINT_MISSING = 50240

_R = Remedy
_REFUSALS = {
    10003: Refusal(_R.GIVE_UP, "the channel was deleted"),
    10004: Refusal(_R.GIVE_UP, "the bot is no longer in the server"),
    10008: Refusal(_R.SEND_ANEW, "the message was deleted"),
    10013: Refusal(_R.GIVE_UP, "the person's account is gone"),
    10015: Refusal(_R.NEW_WEBHOOK, "the webhook was deleted"),
    10016: Refusal(_R.AS_ACCOUNT, "the webhook's service is unknown"),
    20009: Refusal(_R.TELL_BLOCKED, "Discord's filter of explicit words refuses the message"),
    20016: Refusal(_R.LATER, "the channel's slow mode"),
    20022: Refusal(_R.SEND_ANEW, "announcements may be edited a few times an hour"),
    20028: Refusal(_R.LATER, "too much is written in the channel"),
    20029: Refusal(_R.LATER, "too much is written on the server"),
    20031: Refusal(_R.TELL_BLOCKED, "a name has words that are not allowed"),
    30007: Refusal(_R.AS_ACCOUNT, "the channel has 15 webhooks, the most that Discord accepts"),
    30033: Refusal(_R.IN_PARENT, "the thread has 1000 participants, the most that Discord accepts"),
    30046: Refusal(_R.SEND_ANEW, "messages older than an hour may be edited a few times"),
    30058: Refusal(_R.AS_ACCOUNT, "the server has 1000 webhooks, the most that Discord accepts"),
    40002: Refusal(_R.GIVE_UP, "Discord wants the bot's account verified: see the developer portal"),
    40003: Refusal(_R.LATER, "direct chats are being opened too fast"),
    40004: Refusal(_R.LATER, "Discord has switched off sending for a while"),
    40005: Refusal(_R.GIVE_UP, "the message is too large"),
    40006: Refusal(_R.LATER, "Discord has switched off this feature for a while"),
    40007: Refusal(_R.GIVE_UP, "the person is banned from the server"),
    40058: Refusal(_R.GIVE_UP, "a forum takes posts alone, no messages"),
    40062: Refusal(_R.LATER, "a service of Discord is being rate limited"),
    40067: Refusal(_R.GIVE_UP, "a post in this forum needs a tag"),
    50001: Refusal(
        _R.IN_PARENT,
        "the bot cannot see the channel: give it the permission View Channel, or invite it again",
    ),
    50003: Refusal(_R.GIVE_UP, "this cannot be done in a direct chat"),
    50005: Refusal(_R.SEND_ANEW, "somebody else wrote the message"),
    50006: Refusal(_R.GIVE_UP, "there are no words to send"),
    50007: Refusal(_R.GIVE_UP, "this person takes no direct messages from the bot"),
    50008: Refusal(_R.GIVE_UP, "the channel takes no text"),
    50009: Refusal(_R.GIVE_UP, "the server's verification level is too high for the bot"),
    50013: Refusal(
        _R.IN_PARENT,
        "the bot lacks the permission Send Messages (in threads: Send Messages in Threads)",
    ),
    50021: Refusal(_R.WITHOUT_REFERENCE, "nobody can reply to a message of Discord itself"),
    50024: Refusal(_R.AS_ACCOUNT, "the kind of channel does not allow this"),
    50027: Refusal(_R.NEW_WEBHOOK, "the webhook's token is no longer valid"),
    50033: Refusal(_R.GIVE_UP, "the person cannot be written to"),
    50035: Refusal(_R.AS_ACCOUNT, "Discord finds a field of the message wrong"),
    50068: Refusal(_R.WITHOUT_REFERENCE, "nobody can reply to a message of this kind"),
    50073: Refusal(_R.AS_ACCOUNT, "the webhook is Discord's own"),
    50083: Refusal(_R.IN_PARENT, "the thread is archived"),
    50278: Refusal(_R.GIVE_UP, "the bot shares no server with this person any more"),
    60003: Refusal(_R.GIVE_UP, "the server wants two-factor authentication of the bot's owner"),
    90001: Refusal(_R.GIVE_UP, "this person has blocked the bot"),
    110001: Refusal(_R.LATER, "the application is not available yet"),
    130000: Refusal(_R.LATER, "Discord is overloaded"),
    160002: Refusal(_R.WITHOUT_REFERENCE, "the bot lacks the permission Read Message History to reply"),
    160005: Refusal(_R.IN_PARENT, "the thread is locked"),
    200000: Refusal(_R.TELL_BLOCKED, "AutoMod of the server refuses the message"),
    200001: Refusal(_R.TELL_BLOCKED, "AutoMod of the server refuses a title"),
    220001: Refusal(_R.AS_ACCOUNT, "a webhook cannot write in a forum outside its posts"),
    220003: Refusal(_R.AS_ACCOUNT, "a webhook cannot open a thread here"),
    220004: Refusal(_R.AS_ACCOUNT, "webhooks cannot be used in this forum"),
    240000: Refusal(_R.TELL_BLOCKED, "Discord's filter of harmful links refuses the message"),
}
_INVITE = "invite it again with the scope applications.commands"
# what refuses the list of commands, in whose publication some codes mean something else
_PUBLICATION = {
    10002: "the application is unknown: copy the token of this bot's own application",
    30032: "the application has too many commands: delete those of other programs in it",
    30034: "200 new commands a day are the most that Discord accepts: wait until tomorrow",
    50001: f"the bot may not publish commands: {_INVITE}",
    50013: f"the bot may not publish commands: {_INVITE}",
    50026: f"the bot may not publish commands: {_INVITE}",
    20012: "the token is not of this application: copy the token of the bot's own application",
    INVALID_FORM: "Discord finds a command's description wrong: update alterego",
    ENTRY_POINT_MISSING: "the application's Entry Point command must stay in the list: should the next tries"
    " fail too, switch Activities off and on again in the developer portal",
}


def refusal_of(error: discord.HTTPException) -> Refusal:
    """Return the meaning and the next best way; without a known code, not through a webhook."""
    known = _REFUSALS.get(error.code)
    if error.code == INVALID_FORM and "message_reference" in error.text:
        return Refusal(Remedy.WITHOUT_REFERENCE, "the message to reply to is gone, or of Discord itself")
    return known or Refusal(Remedy.AS_ACCOUNT, "Discord refuses the message")


def describe_refusal(error: discord.HTTPException) -> str:
    """Return the meaning with Discord's status and code."""
    return f"{refusal_of(error).meaning} ({_codes(error)})"


def describe_publication_error(error: BaseException) -> str:
    """Return the reason why commands are not published, with status, code and remedy."""
    if isinstance(error, discord.RateLimited):
        seconds = f"{error.retry_after:,.0f} s"
        return (
            f"too many calls, or 200 new commands in a day (code 30034): Discord asks to wait {seconds} (429)"
        )
    if not isinstance(error, discord.HTTPException):
        return f"Discord cannot be reached ({type(error).__name__})"
    if error.status == 429:
        return "too many calls: Discord asks to wait (429)"
    if error.status >= 500:
        return f"Discord has a fault of its own ({_codes(error)}): nothing is to be done"
    forbidden = _PUBLICATION[50001] if error.status == 403 else "Discord refuses the commands"
    return f"{_PUBLICATION.get(error.code, forbidden)} ({_codes(error)})"


def _codes(error: discord.HTTPException) -> str:
    return f"{error.status}, code {error.code}" if error.code else f"{error.status}"
