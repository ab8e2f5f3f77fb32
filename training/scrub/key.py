"""The secret key of one persona, from which the invented names of its people are drawn."""

import secrets
from pathlib import Path

from bot.errors import UserError
from bot.files import write_private

KEY = "secret.key"
_SIZE = 32  # bytes


def read_key(path: Path) -> bytes:
    """Return the 32 bytes in a file; write a new random key there (mode 0600) if there is none.

    With the key lost, people get other invented names at the next build. Raises UserError for a file that
    holds no key.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        key = secrets.token_bytes(_SIZE)
        write_private(path, [key.hex().encode()])
    except ValueError:
        key = b""
    if len(key) != _SIZE:
        raise UserError(f"{path} is not a key of {_SIZE} bytes in hex: delete it, and a new one is made.")
    return key
