"""What somebody may do, as Discord and the settings say at the moment they ask."""

from collections.abc import Collection

import discord

from bot.chat.commands import Level


def permission_level(interaction: discord.Interaction, owners: Collection[str]) -> Level:
    """The level of whoever asks: by id and by the rights that Discord computed for this very interaction.

    In their own direct chat everybody is an admin.
    """
    if str(interaction.user.id) in owners:
        return Level.OWNER
    if interaction.guild_id is None:
        return Level.ADMIN
    rights = interaction.permissions
    return Level.ADMIN if rights.manage_guild or rights.administrator else Level.MEMBER
