"""Permission levels of users, as Discord and the settings say at the moment of an interaction."""

from collections.abc import Collection

import discord

from bot.chat.commands import Level


def permission_level(interaction: discord.Interaction, owners: Collection[str]) -> Level:
    """Return the user's level: by id, and by the permissions that Discord computed for this interaction.

    In a direct chat with the bot everybody is an admin.
    """
    if str(interaction.user.id) in owners:
        return Level.OWNER
    if interaction.guild_id is None:
        return Level.ADMIN
    rights = interaction.permissions
    return Level.ADMIN if rights.manage_guild or rights.administrator else Level.MEMBER
