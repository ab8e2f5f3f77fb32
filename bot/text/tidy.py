"""Generated text without the label of its speaker."""


def tidy(text: str, name: str, *, whole: bool = False) -> str:
    """Return a reply without the speaker's own name before it and without blank ends.

    Of a reply that is not `whole`, return the part that can be shown: nothing while the text may still become
    the name.
    """
    text, name = text.strip(), name.casefold()
    if not whole and len(text) <= len(name) and name.startswith(text.casefold()):
        return ""
    # the text that folds to the name may be shorter than the name: "ß" folds to "ss"
    end = next((end for end in range(len(name) + 1) if text[:end].casefold() == name), len(text))
    return text[end + 1 :].strip() if text[end : end + 1] in (":", "：") else text
