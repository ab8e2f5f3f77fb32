"""The people, groups and chats of Signal's export, and access to the fields of its frames.

Numbers of people and chats are made for one file. Ids here are a contact's account id or phone number, and a
hash of a group's key, which itself opens the group to whoever reads it.
"""

from base64 import b64decode
from typing import Any, NamedTuple
from uuid import UUID

from training.importers.reading.json_fields import text_of
from training.importers.reading.normalise import clean_text, derived_id
from training.store.messages import ChatKind

OWN = "me"
_MOST, _DIGITS = 1 << 64, 20  # a 64-bit number is below, and has at most as many digits


class SignalPerson(NamedTuple):
    """A contact, a group, or the account itself."""

    id: str
    name: str
    kind: ChatKind = "direct"
    is_signal: bool = False


NOBODY = SignalPerson("", "")


def read_person(recipient: dict[str, Any], own_name: str) -> SignalPerson:
    """Return the person or group of a recipient's frame."""
    if "self" in recipient:
        return SignalPerson(OWN, own_name)
    if group := fields_of(recipient, "group"):
        title = clean_text(text_of(fields_of(group, "snapshot", "title").get("title")))
        id = derived_id("group", text_of(group.get("masterKey")) or title)
        return SignalPerson(id, title or id, "group")
    contact = fields_of(recipient, "contact")
    phone = number_of(contact.get("e164"))
    id = account_id(contact.get("aci")) or (phone and f"+{phone}") or account_id(contact.get("pni"))
    id = id or f"contact {number_of(recipient.get('id'))}"
    return SignalPerson(id, _contact_name(contact) or id, is_signal="releaseNotes" in recipient)


def _contact_name(contact: dict[str, Any]) -> str:
    nickname = fields_of(contact, "nickname")
    return (
        full_name(nickname, "given", "family")
        or text_of(contact.get("systemNickname"))
        or full_name(contact, "systemGivenName", "systemFamilyName")
        or full_name(contact, "profileGivenName", "profileFamilyName")
        or text_of(contact.get("username"))
    )


def full_name(fields: dict[str, Any], *keys: str) -> str:
    """Return a name that stands in several fields."""
    return clean_text(" ".join(filter(None, (text_of(fields.get(key)) for key in keys)))).strip()


def account_id(value: object) -> str:
    """Return an account id, 16 bytes in base64, in the usual form; "" for anything else."""
    try:
        return str(UUID(bytes=b64decode(text_of(value), validate=True)))
    except ValueError:
        return ""


def fields_of(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the object that stands at a path; an empty one where there is none."""
    for key in keys:
        found = value.get(key)
        value = found if isinstance(found, dict) else {}
    return value


def number_of(value: object) -> str:
    """Return a 64-bit number, which is a text there; "" for anything else."""
    if type(value) is int and abs(value) < _MOST:
        return str(value)
    return value if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS else ""
