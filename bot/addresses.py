"""Addresses of the platforms, where the environment names others than the public ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.errors import UserError

_SCHEMES = {
    "discord_api": ("http", "https"),
    "discord_gateway": ("ws", "wss"),
    "telegram_api": ("http", "https"),
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of the platforms; None is the public one. Tests and a local Bot API server set others."""

    discord_api: str | None = None
    discord_gateway: str | None = None
    telegram_api: str | None = None


def read_addresses(environment: Mapping[str, str]) -> Addresses:
    """Read the addresses of the platforms. Those of Discord, which get a token, must be on this machine."""
    found = {name: environment.get(f"ALTEREGO_{name.upper()}", "").strip() or None for name in _SCHEMES}
    for name, address in found.items():
        parts = urlsplit(address or "")
        if address and (parts.scheme not in _SCHEMES[name] or not parts.hostname):
            raise UserError(
                f"ALTEREGO_{name.upper()} is not an address: write {_SCHEMES[name][0]}://host:port."
            )
        if address and name != "telegram_api" and not is_loopback(parts.hostname or ""):
            raise UserError(
                f"ALTEREGO_{name.upper()} must be on this machine (127.0.0.1), not {parts.hostname}."
            )
    return Addresses(**{name: address and address.rstrip("/") for name, address in found.items()})


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
