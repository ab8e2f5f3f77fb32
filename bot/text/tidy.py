"""The words of an answer without the speaker's own name before them."""


def tidy(text: str, name: str, *, whole: bool = False) -> str:
    """An answer without the speaker's own name before it and without blank ends.

    Of one that is not `whole`, what can be shown: nothing yet, where it may still become the name.
    """
    text, name = text.strip(), name.casefold()
    if not whole and name.startswith(text.casefold()):
        return ""
    # what folds to the name may be shorter than it: "ß" folds to "ss"
    end = next((end for end in range(len(name) + 1) if text[:end].casefold() == name), len(text))
    return text[end + 1 :].strip() if text[end : end + 1] in (":", "：") else text
