"""One result of a check of `doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `text` says how to mend what is wrong. `note`: right, and worth knowing."""

    subject: str
    right: bool
    text: str
    note: bool = False

    def __str__(self) -> str:
        label = "WRONG" if not self.right else "note " if self.note else "ok   "
        return f"{label} {self.subject:<10} {self.text}"
