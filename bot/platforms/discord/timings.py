"""How long things take on Discord."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds; tests shorten them."""

    call: float = 30.0  # the longest call: a server that stalls holds up every call of its channel
    pace: float = 1.2  # between two edits of one message: a bucket holds five in five seconds
    typing: float = 8.0  # Discord shows it for ten
    guilds: float = 2.0  # without a further guild, the list of them counts as whole
    identify: float = 5.0  # before a new session that Discord asked for
    heartbeat: float = 60.0  # without a sign of life, the connection is made anew
    reconnect: float = 15.0  # at most, between two tries to connect
    unheard: float = 60.0  # without a connection, after which the log says so
    retry: float = 1.0  # before the second try to log in; doubled before each further one
    denied: float = 600.0  # that a channel without the right to webhooks is not asked again
    banned: float = 900.0  # before anything is sent again after Cloudflare's ban
    command: float = 600.0  # for which the answer to a command is waited for; Discord gives up after 900
