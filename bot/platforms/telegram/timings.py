"""How long everything may take on Telegram, in one place, so that tests can be quicker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TelegramTimings:
    """Seconds, unless a name says otherwise.

    poll, margin: how long Telegram holds a poll, and how much later it must have come back;
    deaf: without a poll for so long, the log says so; least, most: waits between tries;
    conflicts: in a row, after which another program has the token for good;
    call: for any other call; typing: between two signs of typing, which last 5 (Bot API, sendChatAction);
    draft: between two drafts in a private chat; grow: before an answer is shown in a group, and between
    its first edits, each time twice as long; last: at the end, for calls that are under way.
    """

    poll: float = 25.0
    poll_margin: float = 10.0
    offline_warning: float = 60.0
    shortest_wait: float = 1.0
    longest_wait: float = 15.0
    max_conflicts: int = 6
    call_timeout: float = 20.0
    typing_interval: float = 4.5
    draft_interval: float = 1.0
    edit_interval: float = 3.0
    shutdown_timeout: float = 1.0
