"""How long things take on Discord."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiscordTimings:
    """Seconds; tests shorten them."""

    call_timeout: float = 30.0  # the longest call: a server that stalls holds up every call of its channel
    edit_interval: float = 1.2  # between two edits of one message: a bucket holds five in five seconds
    typing_interval: float = 8.0  # Discord shows it for ten
    guild_timeout: float = 2.0  # without a further guild, the list of them counts as whole
    identify_delay: float = 5.0  # before a new session that Discord asked for
    heartbeat_timeout: float = 60.0  # without a sign of life, the connection is made anew
    longest_reconnect: float = 15.0  # at most, between two tries to connect
    offline_warning: float = 60.0  # without a connection, after which the log says so
    retry_delay: float = 1.0  # before the second try to log in; doubled before each further one
    webhook_denial: float = 600.0  # that a channel without the right to webhooks is not asked again
    ban_pause: float = 900.0  # before anything is sent again after Cloudflare's ban
    command_timeout: float = (
        600.0  # for which the answer to a command is waited for; Discord gives up after 900
    )
