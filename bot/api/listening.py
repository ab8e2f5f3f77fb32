"""The socket on which the API listens."""

import errno
import os
import socket

from bot.config import ServeSettings
from bot.errors import UserError

_REASONS = {
    errno.EADDRINUSE: "is taken by another program: set another port",
    errno.EACCES: "may not be opened by this user: set a port from 1024",
    errno.EADDRNOTAVAIL: "is on an address that this machine does not have: set another host",
}


def listen(settings: ServeSettings) -> socket.socket:
    """Return a socket that is bound to the settings' host and port. Raises `UserError` where it cannot be."""
    where = f"port {settings.port} at {settings.host}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise UserError(
            f"[serve] host is {settings.host}, which no name server knows: set another."
        ) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows, two programs could then have the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)  # so that a second program is refused at once
    except OSError as error:
        listener.close()
        reason = _REASONS.get(error.errno or 0, f"cannot be opened ({error.strerror}): set another port")
        raise UserError(f"The API's {where} {reason} in [serve] of config.toml.") from None
    return listener
