"""JSON for people: indented by one space a level."""

import msgspec


def encode_indented(value: object) -> bytes:
    """Return a value as indented JSON that ends with a line end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
