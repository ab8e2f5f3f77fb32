"""The facts from a whole X archive that its single tweets need: owner, names, parents, edits, long posts."""

import re
from typing import Any

from training.importers.chats.twitter.records import NoteTweet, Tweet
from training.importers.reading.html_text import unescape
from training.importers.reading.normalise import clean_text, parse_iso_time

TCO_LINK = re.compile(r"https?://t\.co/\w+")
_LEAST_START = 100  # characters: a cut long post keeps at least that many, in any script
_ALIKE = 16  # long posts of one second that begin alike: nobody writes more
_TOGETHER = 1.0  # seconds between a long post and its tweet, at most


class ArchiveIndex:
    """The index of one archive, filled from all its files before the tweets are read.

    `people` maps user ids to names, `parents` an answered tweet's id to its author's id and name,
    `last_versions` the first version of an edited tweet to its last.
    """

    def __init__(self) -> None:
        self.id, self.name, self.display_name = "", "", ""
        self.people: dict[str, str] = {}
        self.parents: dict[str, tuple[str, str]] = {}
        self.last_versions: dict[str, str] = {}
        # by second and first comparable characters: time, comparable words and text
        self._notes: dict[tuple[int, str], list[tuple[float, str, str]]] = {}

    def add_account(self, fields: dict[str, Any]) -> None:
        """Take the owner's id and names from account.js, manifest.js or a classic archive's details."""
        self.id = str(fields.get("accountId") or fields.get("id") or self.id)
        name = fields.get("username") or fields.get("userName") or fields.get("screen_name")
        self.name = str(name or self.name)
        display_name = (
            fields.get("accountDisplayName") or fields.get("displayName") or fields.get("full_name")
        )
        self.display_name = clean_text(str(display_name or self.display_name))
        if self.id:
            self.people[self.id] = self.display_name or self.name

    @property
    def owner(self) -> str:
        return self.id or "self"

    def add_note(self, item: dict[str, NoteTweet]) -> None:
        """Keep a long post; one without a time is dropped, since no tweet can be found for it."""
        for note in item.values():
            try:
                time = parse_iso_time(note.createdAt)
            except ValueError:
                continue
            text = unescape(note.core.text)
            words = comparable_words(text)
            alike = self._notes.setdefault((int(time), words[:_LEAST_START]), [])
            if len(alike) < _ALIKE:
                alike.append((time, words, text))

    def find_note(self, time: float, text: str) -> str | None:
        """Return the long post whose beginning a tweet is: within a second of it, and with its words.

        No id joins the two.
        TheExGenesis/community-archive (seen at commit 2baf7a1) joins them like this.
        """
        start = comparable_words(without_cut(text))
        if len(start) < _LEAST_START:
            return None
        for second in (int(time) - 1, int(time), int(time) + 1):
            for note_time, words, note in self._notes.get((second, start[:_LEAST_START]), []):
                if abs(note_time - time) <= _TOGETHER and words.startswith(start[:200]):
                    return note
        return None

    def add_tweet(self, tweet: Tweet) -> None:
        """Keep the names, the parent and the edits that a tweet tells of."""
        for person in tweet.entities.user_mentions if tweet.entities else []:
            self.people.setdefault(person.id_str, clean_text(person.name or person.screen_name))
        user, name = tweet.answered_user_id, tweet.in_reply_to_screen_name
        if user and name:
            self.people.setdefault(user, name)
        if tweet.parent_id and user:
            self.parents[tweet.parent_id] = user, name or user
        if first := tweet.first_version:
            last = self.last_versions.get(first, "")
            self.last_versions[first] = max(last, tweet.tweet_id, key=id_number)


def without_cut(text: str) -> str:
    """Return a cut post without its end: dots for what was cut off, and the link to the whole post."""
    text = text.rstrip()
    link = max(text.rfind("http://t.co/"), text.rfind("https://t.co/"))
    if link >= 0 and TCO_LINK.fullmatch(text, link):
        text = text[:link].rstrip()
    return text.removesuffix("…") if text.endswith("…") else text.removesuffix("...")


def id_number(text: str) -> int:
    """Return an id as a number; 0 for other texts."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 30 else 0


def comparable_words(text: str) -> str:
    """Return a text without links, with single spaces."""
    return " ".join(TCO_LINK.sub("", text).split())
