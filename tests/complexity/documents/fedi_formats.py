"""One chat in the formats of the Fediverse, Bluesky, Matrix, Skype and Viber, as files by path."""

import hashlib
import struct
from datetime import UTC, datetime
from typing import Any

from tests.complexity.documents.chat_formats import DAY, SECOND, Files, as_json
from tests.complexity.documents.hostile_chats import Chat

DID = "did:plc:quay"
OWNER = "https://fedi.example/users/ana"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
POST = "app.bsky.feed.post"


def element(chat: Chat) -> Files:
    messages = [
        {
            "type": "m.room.message",
            "sender": f"@u{said.author}:a.example",
            "content": {
                "msgtype": "m.text",
                "body": said.text,
                **(
                    {"m.relates_to": {"m.in_reply_to": {"event_id": f"${said.reply_to}"}}}
                    if said.reply_to
                    else {}
                ),
            },
            "origin_server_ts": SECOND * 1000,
            "event_id": f"${number}",
            "room_id": "!quay:a.example",
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    head = {"room_name": chat.name, "room_creator": chat.names[0], "topic": "", "export_date": DAY}
    return {"a.json": as_json({**head, "exported_by": chat.names[0], "messages": messages})}


def mastodon(chat: Chat) -> Files:
    items = [
        {
            "id": f"{OWNER}/statuses/{number}/activity",
            "type": "Create",
            "actor": OWNER,
            "published": f"{DAY}T10:00:00Z",
            "object": {
                "id": f"{OWNER}/statuses/{number}",
                "type": "Note",
                "inReplyTo": f"{OWNER}/statuses/{said.reply_to}" if said.reply_to else None,
                "published": f"{DAY}T10:00:00Z",
                "to": [PUBLIC],
                "cc": [f"{OWNER}/followers"],
                "content": f"<p>{said.text}</p>",
                "attachment": [],
                "tag": [],
            },
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    context = "https://www.w3.org/ns/activitystreams"
    actor = {"id": OWNER, "type": "Person", "inbox": "a", "outbox": "outbox.json", "preferredUsername": "ana"}
    outbox = {"id": "outbox.json", "type": "OrderedCollection", "totalItems": len(items)}
    return {
        "outbox.json": as_json({"@context": context, **outbox, "orderedItems": items}),
        "actor.json": as_json({"@context": context, **actor, "name": chat.names[0]}),
    }


def misskey(chat: Chat) -> Files:
    notes = [
        {
            "id": f"n{number}",
            "text": said.text,
            "createdAt": f"{DAY}T10:00:00.000Z",
            "fileIds": [],
            "replyId": f"n{said.reply_to}" if said.reply_to else None,
            "renoteId": None,
            "visibility": "public",
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"notes.json": as_json(notes)}


def skype(chat: Chat) -> Files:
    messages = [
        {
            "id": str(number),
            "displayName": chat.names[said.author],
            "originalarrivaltime": f"{DAY}T10:00:00.000Z",
            "messagetype": "RichText",
            "content": f'<quote messageid="{said.reply_to}">a</quote>{said.text}'
            if said.reply_to
            else said.text,
            "from": f"8:u{said.author}",
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    conversation = {"id": "19:quay@thread.skype", "displayName": chat.name, "MessageList": messages}
    return {"messages.json": as_json({"userId": "8:u0", "exportDate": DAY, "conversations": [conversation]})}


def viber(chat: Chat) -> Files:
    day = datetime.fromtimestamp(SECOND, UTC).strftime("%d/%m/%Y")
    rows = [
        f'="{day}"\t10:00:00\t="{chat.names[said.author]}"\t="+1"\t"{said.text}"' for said in chat.messages
    ]
    return {"quay.csv": "\n".join(rows).encode()}


def bluesky(chat: Chat) -> Files:
    records = {
        f"{POST}/k{number:09}": {
            "$type": POST,
            "text": said.text,
            "createdAt": f"{DAY}T10:00:00.000Z",
            **({"reply": {"parent": _reference(said.reply_to)}} if said.reply_to else {}),
        }
        for number, said in enumerate(chat.messages, 1)
    }
    return {"repo.car": as_car(DID, records)}


def _reference(number: int) -> dict[str, str]:
    return {"uri": f"at://{DID}/{POST}/k{number:09}", "cid": "a"}


class Cid(bytes):
    """A link to a block."""


def as_cbor(value: Any) -> bytes:
    """Return a value in DAG-CBOR: keys by length, then by bytes."""
    if value is None or isinstance(value, bool):
        return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
    if isinstance(value, int):
        return _cbor_head(0, value) if value >= 0 else _cbor_head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, Cid):
        return b"\xd8\x2a" + _cbor_head(2, len(value) + 1) + b"\x00" + value
    if isinstance(value, bytes):
        return _cbor_head(2, len(value)) + value
    if isinstance(value, str):
        return _cbor_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _cbor_head(4, len(value)) + b"".join(map(as_cbor, value))
    keys = sorted(value, key=lambda key: (len(key), key))
    return _cbor_head(5, len(value)) + b"".join(as_cbor(key) + as_cbor(value[key]) for key in keys)


def _cbor_head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([kind << 5 | 24 + size.bit_length() - 1]) + number.to_bytes(size)


def cid_of(block: bytes) -> Cid:
    return Cid(b"\x01\x71\x12\x20" + hashlib.sha256(block).digest())


def varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def as_blocks(root: Cid, blocks: list[bytes]) -> bytes:
    header = as_cbor({"roots": [root], "version": 1})
    pieces = [header, *(cid_of(block) + block for block in blocks)]
    return b"".join(varint(len(piece)) + piece for piece in pieces)


def as_car(did: str, records: dict[str, dict[str, Any]], lost: tuple[dict[str, Any], ...] = ()) -> bytes:
    """Return a repository with its records in two levels of the tree; `lost` are blocks outside of it."""
    keys, entries, blocks = sorted(records), list[dict[str, Any]](), [as_cbor(each) for each in lost]
    before = ""
    for key in keys:
        blocks.append(block := as_cbor(records[key]))
        shared = next((at for at, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), len(before))
        entries.append({"p": shared, "k": key[shared:].encode(), "v": cid_of(block), "t": None})
        before = key
    half = len(entries) // 2
    if entries[half:]:
        entries[half]["p"], entries[half]["k"] = 0, keys[half].encode()
    below = as_cbor({"l": None, "e": entries[:half]})
    top = as_cbor({"l": cid_of(below), "e": entries[half:]})
    commit = as_cbor(
        {"did": did, "version": 3, "data": cid_of(top), "rev": "3k", "prev": None, "sig": b"s" * 64}
    )
    return as_blocks(cid_of(commit), [*dict.fromkeys([commit, top, *blocks, below])])
