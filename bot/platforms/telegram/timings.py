"""Timeouts and intervals on Telegram."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TelegramTimings:
    """Seconds, except for `max_conflicts`; tests shorten them."""

    poll: float = 25.0  # that Telegram holds a poll open
    poll_margin: float = 10.0  # beyond `poll`, after which a poll counts as hung
    offline_warning: float = 60.0  # without a poll, after which the log warns
    shortest_wait: float = 1.0  # between two tries; doubled before each further one
    longest_wait: float = 15.0  # at most, between two tries
    max_conflicts: int = 6  # in a row, after which another program has the token for good
    call_timeout: float = 20.0  # of any call but a poll
    typing_interval: float = 4.5  # typing lasts 5 seconds (Bot API, sendChatAction)
    draft_interval: float = 1.0  # between two drafts in a private chat
    edit_interval: float = 3.0  # before a group's first edit of an answer; doubled before each further one
    shutdown_timeout: float = 1.0  # of calls under way at the end
