"""Discord's permission bits by name, and what a channel adds to or takes from a role or a member.

https://discord.com/developers/docs/topics/permissions
"""

from dataclasses import dataclass

BITS = {
    "administrator": 3,
    "manage_channels": 4,
    "manage_guild": 5,
    "add_reactions": 6,
    "view_channel": 10,
    "send_messages": 11,
    "manage_messages": 13,
    "embed_links": 14,
    "attach_files": 15,
    "read_message_history": 16,
    "mention_everyone": 17,
    "use_external_emojis": 18,
    "manage_roles": 28,
    "manage_webhooks": 29,
    "use_application_commands": 31,
    "manage_threads": 34,
    "create_public_threads": 35,
    "create_private_threads": 36,
    "send_messages_in_threads": 38,
}
ALL = (1 << 50) - 1
"""Every permission there is: the owner's and an administrator's."""


def permissions(*names: str) -> int:
    """The bits of these names; KeyError for a name that Discord does not have."""
    return sum(1 << BITS[name] for name in names)


ORDINARY = permissions(
    "add_reactions",
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "read_message_history",
    "use_external_emojis",
    "use_application_commands",
    "create_public_threads",
    "send_messages_in_threads",
)
"""Permissions of everybody in a new guild."""

BOT = ORDINARY | permissions("manage_messages", "manage_webhooks", "manage_threads", "mention_everyone")
"""Permissions of the bot by default: also to ping everybody, so that a test sees such a ping."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A channel's allowed and denied permissions. `kind` is 0 for a role and 1 for a member."""

    kind: int
    allow: int = 0
    deny: int = 0
