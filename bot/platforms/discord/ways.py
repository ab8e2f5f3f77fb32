"""The ways to send one part of an answer, from the best one down."""

from dataclasses import dataclass, replace

import discord

from bot.platforms.discord.refusals import CLOSED_THREAD, Remedy, refusal_of


@dataclass(frozen=True, slots=True)
class Way:
    """A way to send a part; each refusal takes one of its advantages, so that there are few ways."""

    has_reference: bool = True
    may_use_webhook: bool = True
    has_new_webhook: bool = False
    may_reopen_thread: bool = True
    is_in_thread: bool = True


def next_way(
    way: Way, error: discord.HTTPException, *, is_webhook: bool, is_reply: bool, is_thread: bool
) -> Way | None:
    """Return the next best way after a refusal; None where none is left, or only waiting helps."""
    remedy = refusal_of(error).remedy
    if error.status in (408, 429) or error.status >= 500 or not error.code:
        return None
    if remedy in (Remedy.LATER, Remedy.TELL_BLOCKED):
        return None
    if remedy in (Remedy.WITHOUT_REFERENCE, Remedy.SEND_ANEW) and is_reply and way.has_reference:
        return replace(way, has_reference=False)
    if remedy is Remedy.NEW_WEBHOOK and is_webhook and not way.has_new_webhook:
        return replace(way, has_new_webhook=True)
    if (
        remedy is Remedy.IN_PARENT
        and is_thread
        and way.is_in_thread
        and not _is_of_webhook(error, is_webhook)
    ):
        is_reopened = way.may_reopen_thread and error.code in CLOSED_THREAD
        return replace(way, may_reopen_thread=False, is_in_thread=is_reopened)
    if is_webhook and remedy is not Remedy.GIVE_UP:
        return replace(way, may_use_webhook=False)
    return None


def _is_of_webhook(error: discord.HTTPException, is_webhook: bool) -> bool:
    """Return whether a permission is missing for the webhook, which the account may not need."""
    return is_webhook and error.code in (50001, 50013)
