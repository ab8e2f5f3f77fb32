"""National ids, IBANs and payment cards: shape first, then the check digits of python-stdnum."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from training.scrub.detectors.span import PrivateSpan

_DIGITS = re.compile(r"(?:[0-9][^0-9]{0,3}){6}")
_EDGE, _END = r"(?<![A-Za-z0-9_.])", r"(?![A-Za-z0-9_])"
_IBAN = re.compile(
    rf"{_EDGE}[A-Z]{{2}}[0-9]{{2}}(?:[ -]?[A-Z0-9]{{4}}){{2,7}}(?:[ -]?[A-Z0-9]{{1,3}})?{_END}", re.I
)
_CARD = re.compile(  # lengths and first digits: ISO/IEC 7812 as the networks publish them
    rf"{_EDGE}(?<![0-9][ -])(?:3(?:[47][0-9]{{2}}[ .-]?[0-9]{{6}}[ .-]?[0-9]{{5}}"
    rf"|[0689][0-9]{{2}}[ .-]?[0-9]{{6}}[ .-]?[0-9]{{4}})"
    rf"|(?:4[0-9]|5[0-5]|2[2-7]|6[0-9]|35"
    rf"|8[12])[0-9]{{2}}(?:[ .-]?[0-9]{{4}}){{3}}(?:[ .-]?[0-9]{{3}})?){_END}"
)


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """An identity number of one country: its shape, stdnum's module for its check digits, words before it.

    With `context`, a number counts only behind such words.
    """

    shape: re.Pattern[str]
    module: str = ""
    context: re.Pattern[str] | None = None

    def holds(self, found: re.Match[str]) -> bool:
        """Return True if the check digits are right and the words stand at most 40 characters before."""
        if self.context and not self.context.search(found.string, max(0, found.start() - 40), found.start()):
            return False
        return not self.module or _validator(self.module)(found[0])


@cache
def _validator(module: str) -> Callable[[str], bool]:
    if module == "cn.ric":
        return _is_resident
    return import_module(f"stdnum.{module}").is_valid  # type: ignore[no-any-return]


def _is_resident(number: str) -> bool:
    """Check date and check digit only: stdnum refuses abolished counties, whose codes people still have."""
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return number[-1].upper() == ric.calc_check_digit(number)


def _rule(shape: str, module: str = "", context: str = "") -> IdentityRule:
    return IdentityRule(
        re.compile(_EDGE + shape + _END, re.IGNORECASE),
        module,
        re.compile(context, re.IGNORECASE) if context else None,
    )


_SSN = r"\bssn\b|social sec"
_PASSPORT = (
    r"passport|reisepass|ausweisn|pasaporte|licen[cs]e (?:no|num|is)|driver'?s? licen[cs]e|护照|驾照|驾驶证"
    r"|パスポート"
)
_AADHAAR = r"aadhaa?r|uidai|आधार"
_RULES = (
    _rule(r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9X]", "cn.ric"),
    _rule(r"[0-9]{3}-[0-9]{2}-[0-9]{4}"),  # a US SSN; no other number has this shape
    _rule(r"[0-9]{3} ?[0-9]{2} ?[0-9]{4}", context=_SSN),
    _rule(r"[A-Z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [A-D]"),  # a UK NINO with its usual spaces
    _rule(r"[A-Z]{2}[0-9]{6}[A-D]", context=r"\bnino\b|\bni n|national ins"),
    _rule(r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", "de.idnr", r"steuer|\bidnr|tax id|identifikationsn"),
    _rule(
        r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", "fr.nir"
    ),
    _rule(r"[0-9]{8}[- ]?[A-Z]", "es.dni"),
    _rule(r"[XYZ][- ]?[0-9]{7}[- ]?[A-Z]", "es.nie"),
    _rule(r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]", "it.codicefiscale"),
    _rule(r"[0-9]{4}\.?[0-9]{2}\.?[0-9]{3}", "nl.bsn", r"\bbsn\b|burgerservice|sofinummer"),
    _rule(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "br.cpf"),
    _rule(r"[0-9]{11}", "br.cpf", r"\bcpf\b"),
    _rule(r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", "in_.aadhaar"),
    _rule(r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", "in_.aadhaar", _AADHAAR),
    _rule(r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", "jp.in_", r"マイナンバー|個人番号|my ?number"),
    _rule(r"(?=[A-Z0-9]{0,9}[0-9]{3})[A-Z0-9]{7,12}", context=_PASSPORT),
    _rule(
        r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{6}"
    ),  # a Korean RRN; no check since 2020
)


def find_payment_numbers(text: str) -> Iterator[PrivateSpan]:
    """Yield IBANs with right check digits and length, and card numbers that pass Luhn (ISO/IEC 7812)."""
    if not _DIGITS.search(text):
        return
    for found in _IBAN.finditer(text):
        yield from _shortened(found)
    for found in _CARD.finditer(text):
        if _validator("luhn")(re.sub("[ .-]", "", found[0])):
            yield PrivateSpan(*found.span(), "card")


def _shortened(found: re.Match[str]) -> Iterator[PrivateSpan]:
    """Yield the longest beginning that is an IBAN: "... 00 danke" has the shape of one more group."""
    end = found.end()
    while end - found.start() > 14:
        if _validator("iban")(found.string[found.start() : end]):
            yield PrivateSpan(found.start(), end, "iban")
            return
        end = max(found.string.rfind(" ", found.start(), end), found.start())


def find_identity_numbers(text: str) -> Iterator[PrivateSpan]:
    """Yield national identity numbers of CN, US, UK, DE, FR, ES, IT, NL, BR, IN, JP and KR."""
    if _DIGITS.search(text):
        for rule in _RULES:
            matches = filter(rule.holds, rule.shape.finditer(text))
            yield from (PrivateSpan(*found.span(), "identity") for found in matches)
