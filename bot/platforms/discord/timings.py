"""Timeouts and intervals on Discord."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiscordTimings:
    """Seconds; tests shorten them."""

    call_timeout: float = 30.0  # of any call: a stalled call holds up each other call of its channel
    edit_interval: float = 1.2  # between two edits of one message: a bucket holds five in five seconds
    typing_interval: float = 8.0  # between two typing calls; Discord shows typing for ten seconds
    guild_timeout: float = 2.0  # without a further guild, after which the list of guilds counts as whole
    identify_delay: float = 5.0  # before a new session that Discord asked for
    heartbeat_timeout: float = 60.0  # without a heartbeat's answer, after which the client reconnects
    longest_reconnect: float = 15.0  # at most, between two tries to connect
    offline_warning: float = 60.0  # without a connection, after which the log warns
    retry_delay: float = 1.0  # before the second try of a call; doubled before each further one
    webhook_denial: float = 600.0  # before a channel without webhooks, or a closed thread, is tried again
    ban_pause: float = 900.0  # before the first call after a ban by Cloudflare
    reference_timeout: float = 3.0  # of the call for a message replied to, which the event lacks
    proxy_debounce: float = 2.0  # of silence where people speak through a proxy, which says messages anew
    command_timeout: float = 600.0  # of a command; Discord accepts no answer after 900
