"""Importer of chats of today's QQ (QQ NT), as other programs export them."""
