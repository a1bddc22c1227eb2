"""Conditions as a person writes them: ``status == success and tau0 < 1 s``. Nothing is ever evaluated.

::

    condition  = each ("or" each)*
    each       = one ("and" one)*
    one        = "not" one | "(" condition ")" | comparison
    comparison = name ("<" | "<=" | ">" | ">=" | "==" | "!=") (number [unit] | text)
"""

import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeAlias

from steering.core.errors import SteeringError
from steering.flows.facts import TEXTS, Facts
from steering.flows.units import ratio

LONGEST = 400
_DEEPEST = 20
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<compare><=|>=|==|!=|<|>)|(?P<bracket>[()])"
    r"|\"(?P<quoted>[^\"]*)\"|(?P<word>[^\W\d][\w.]*))"
)
# A unit ends where the condition goes on.
_UNIT = re.compile(r"\s*((?!(?:and|or)\b)[^\s()<>=!&|\"]+(?:\s*[*/]\s*[^\s()<>=!\"]+)*)?")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_EQUAL = ("==", "!=")


class UnknownFeatureError(SteeringError):
    """A condition asks for a feature that no result has; perhaps one will have it."""


class UnlikeUnitsError(SteeringError):
    """A condition asks for a feature in units of another kind than the result has."""


@dataclass(frozen=True)
class Comparison:
    """A name beside a number with its unit, or beside a text."""

    name: str
    compare: str
    value: float | str
    units: str = ""

    def judged(self, facts: Facts) -> bool | None:
        """Judge it; nothing if the feature has no value, as where a fit has failed.

        Raises:
            UnknownFeatureError: If no result has the feature.
            UnlikeUnitsError: If its unit is another kind of unit.
        """
        if isinstance(self.value, str):
            return (facts.texts.get(self.name, "") == self.value) == (self.compare == "==")
        feature = facts.features.get(self.name)
        if feature is None:
            raise UnknownFeatureError(f"No result has a feature {self.name!r}. {_choice(self.name, facts)}")
        try:
            value = feature.value * ratio(feature.units, self.units)
        except SteeringError as error:
            raise UnlikeUnitsError(f"{self.name}: {error}") from error
        if math.isnan(value):
            return None
        if self.compare in _EQUAL:
            return math.isclose(value, self.value, rel_tol=1e-9) == (self.compare == "==")
        return _COMPARE[self.compare](value, self.value)


@dataclass(frozen=True)
class Joined:
    """Parts of which all (``and``) or one (``or``) must hold; or one part that must not (``not``)."""

    how: str
    parts: tuple["Part", ...]

    def judged(self, facts: Facts) -> bool | None:
        """Judge it; a feature that is not known, or has no value, does not matter where another part decides.

        Raises:
            UnknownFeatureError: If one that is not known decides.
        """
        if self.how == "not":
            found = self.parts[0].judged(facts)
            return None if found is None else not found
        decisive, unknown, found = self.how == "or", None, list[bool | None]()
        for part in self.parts:
            try:
                found.append(part.judged(facts))
            except UnknownFeatureError as error:
                unknown = unknown or error
            else:
                if found[-1] is decisive:
                    return decisive
        if unknown is not None:
            raise unknown
        return None if None in found else not decisive


Part: TypeAlias = Comparison | Joined


@dataclass(frozen=True)
class Condition:
    """A condition that was read.

    Attributes:
        text: As it was written.
        names: The features and numbers that it asks for.
        texts: The texts that it asks for: status, scan, sample, experiment.
    """

    text: str
    part: Part = field(repr=False)
    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def holds(self, facts: Facts) -> bool:
        """Judge it on what is known of a run; what would depend on a feature without a value does not hold.

        Raises:
            UnknownFeatureError: If a feature that decides it is not known.
            UnlikeUnitsError: If units do not fit.
        """
        # Neither what is asked for nor its opposite is true of what nobody has measured.
        return self.part.judged(facts) is True

    def under(self, first: "Condition") -> "Condition":
        """Return the condition under which another one and this one hold."""
        part = Joined("and", (first.part, self.part))
        return Condition(f"{first.text} and ({self.text})", part, first.names + self.names, first.texts + self.texts)


def read_condition(text: str, longest: int = LONGEST) -> Condition:
    """Read a condition.

    Args:
        text: As it was written.
        longest: Most characters that it may have.

    Raises:
        SteeringError: If it is none: where it stops being one, and what may stand there.
    """
    if len(text) > longest:
        raise SteeringError(f"A condition has at most {longest} characters, and this one has {len(text)}.")
    reader = _Reader(text)
    part = reader.condition()
    reader.end()
    compared = tuple(_comparisons(part))
    numbers = tuple(dict.fromkeys(one.name for one in compared if not isinstance(one.value, str)))
    texts = tuple(dict.fromkeys(one.name for one in compared if isinstance(one.value, str)))
    return Condition(text, part, numbers, texts)


def _comparisons(part: Part) -> Iterator[Comparison]:
    if isinstance(part, Joined):
        for one in part.parts:
            yield from _comparisons(one)
    else:
        yield part


def _choice(name: str, facts: Facts) -> str:
    known = sorted(facts.features)
    near = get_close_matches(name, known, 1)
    return f"Known are: {', '.join(known) or 'none'}." + (f" Did you mean {near[0]}?" if near else "")


class _Reader:
    """Reads tokens one after another."""

    def __init__(self, text: str) -> None:
        self._text, self._place, self._depth = text, 0, 0
        self._token: re.Match[str] | None = None
        self._next()

    def condition(self) -> Part:
        return self._joined("or", lambda: self._joined("and", self._one))

    def end(self) -> None:
        if self._token is not None or self._text[self._place :].strip():
            raise self._wrong("'and', 'or' or the end")

    def _joined(self, word: str, read: Callable[[], Part]) -> Part:
        parts = [read()]
        while self._word() == word:
            self._next()
            parts.append(read())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _one(self) -> Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SteeringError(f"This condition is nested more than {_DEEPEST} deep. Write it with fewer brackets.")
        try:
            if self._word() == "not":
                self._next()
                return Joined("not", (self._one(),))
            if self._is("("):
                self._next()
                inner = self.condition()
                if not self._is(")"):
                    raise self._wrong("')'")
                self._next()
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Comparison:
        name = self._word()
        if not name or name in ("and", "or"):
            raise self._wrong("a name, such as status or a feature")
        self._next()
        compare = self._token["compare"] if self._token is not None else None
        if compare is None:
            raise self._wrong(f"one of {' '.join(_COMPARE)}")
        self._next()
        return self._against(name, compare)

    def _against(self, name: str, compare: str) -> Comparison:
        number = self._token["number"] if self._token is not None else None
        if name in TEXTS:
            value = self._word() or (self._token["quoted"] if self._token is not None else None)
            if not value or compare not in _EQUAL:
                raise self._wrong(f"a text after == or !=, since {name} is a text")
            self._next()
            return Comparison(name, compare, value)
        if number is None:
            raise self._wrong(f"a number with its unit, since {name} is a number")
        if not math.isfinite(float(number)):
            raise self._wrong("a finite number")
        unit = _UNIT.match(self._text, self._place)
        units = (unit[1] or "") if unit is not None else ""
        self._place = unit.end() if unit is not None else self._place
        self._next()
        return Comparison(name, compare, float(number), units)

    def _word(self) -> str:
        return (self._token["word"] or "") if self._token is not None else ""

    def _is(self, bracket: str) -> bool:
        return self._token is not None and self._token["bracket"] == bracket

    def _next(self) -> None:
        self._token = _TOKEN.match(self._text, self._place)
        if self._token is not None:
            self._place = self._token.end()

    def _wrong(self, wanted: str) -> SteeringError:
        at = self._token.group().strip() if self._token is not None else self._text[self._place :].strip()
        where = f"at {at!r:.40}" if at else "at its end"
        return SteeringError(f"The condition {self._text!r:.80} is not understood {where}. There should be {wanted}.")
