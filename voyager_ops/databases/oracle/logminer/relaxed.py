"""Statements whose values hold quotes that LogMiner did not double (it happens with MAX_STRING_SIZE = EXTENDED).

All readings are looked for: a quoted literal may end at any quote after which the statement goes on as one of LogMiner's does. Of
several, those are dropped that name a column twice, or a value that its column's type cannot have; then those whose columns do
not come in the table's order. One that is left is taken; several are an error, nothing is guessed. Readings with separators that
LogMiner does not print there (a line's end, two blanks, AND, OR, a comma in a WHERE, a blank before one) count among them, so
that none of these is taken for a text's own, and are an error where they are left.
A literal is given back properly quoted: if its quotes were all doubled it is taken as written, else as not doubled at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from voyager_ops.databases.oracle.logminer import redo
from voyager_ops.databases.oracle.logminer.redo import CONDITION, PLAIN, VALUE, Accepts, Literal, Redo, RedoError
from voyager_ops.model.changes import DELETE, INSERT, UPDATE

_READINGS: Final = 64
_STEPS: Final = 200_000
"""Limits on the search: a statement that exceeds one is reported, not read."""

_CALLED: Final = (
    r"(?:/\*[^*]*+\*/ ?)?(?:TO_DATE|TO_TIMESTAMP_TZ|TO_TIMESTAMP|TO_YMINTERVAL|TO_DSINTERVAL|HEXTORAW|UNISTR"
    r"|EMPTY_CLOB|EMPTY_BLOB|XMLType)\("
)
_STARTS: Final = rf"(?:(?:TIMESTAMP ?|DATE ?)?'|(?:{PLAIN})(?=\s*[,);]|\Z)|{_CALLED})"
_NEXT_VALUE = re.compile(rf"\s*,\s*(?={_STARTS})").match
_CLOSED = re.compile(r"\);\s*+\Z").match
_STRICT_VALUE = re.compile(VALUE).match
_NAME = re.compile(rf"{CONDITION}(?: ?(= ?)| IS NULL)").match
_BETWEEN: Final = r"\s*,\s*|\s*(?i:and|or|where)\s*"
_SEPARATOR = re.compile(rf"({_BETWEEN})(?={CONDITION}(?: ?=| IS NULL))|;\s*+\Z").match
_ENDED = re.compile(rf"'(?:{_BETWEEN})(?={CONDITION}\s*(?:=|(?i:is)\b))").finditer
_PRINTED: Final = frozenset((",", ", ", " and ", " where "))
"""The separators that LogMiner prints. A reading with another (``or``, a line's end) counts too, but is not taken."""

Part = tuple[str, Literal, str]
"""Name, literal, and what follows it ('' at the end)."""


def parse_relaxed(statement: str, accepts: Accepts | None) -> Redo:
    """Read a statement that could not be read strictly. Raises RedoError."""
    if not statement.rstrip().endswith(";"):
        raise RedoError("it does not end as LogMiner's statements do")  # cut short, it could pass for one with a longer value
    first = statement[:1]
    head = {"i": redo.INSERT_HEAD, "u": redo.UPDATE_HEAD, "d": redo.DELETE_HEAD}[first](statement)
    if head is None:
        raise RedoError("it does not begin as LogMiner's statements do")
    search = _Search(statement)
    if first == "i":
        owner, table, text = head.groups()
        names = redo.columns_of(text)
        found = search.values(head.end(), len(names))
        of_values: list[tuple[Pairs, Pairs]] = [(list(zip(names, reading, strict=True)), []) for reading, _ in found]
        taken = _only_of(of_values, accepts)
        if any(taken is each and odd for each, (_, odd) in zip(of_values, found, strict=True)):
            raise RedoError("its values are not separated as LogMiner separates them")
        values, _ = taken
        return Redo(INSERT, owner, table, names, [value for _, value in values], (), ())
    owner, table = head.group(1), head.group(2)
    readings = []
    strange = []
    for parts in search.conditions(head.end()):
        if (found_shape := _shaped(parts, first == "u")) is not None:
            shaped, odd = found_shape
            readings.append(shaped)
            if odd:
                strange.append(shaped)
    both = _only_of(readings, accepts)
    if any(both is each for each in strange):
        raise RedoError("its columns are not separated as LogMiner separates them")
    new, old = both
    return Redo(
        UPDATE if first == "u" else DELETE,
        owner,
        table,
        tuple(name for name, _ in new),
        [value for _, value in new],
        tuple(name for name, _ in old if name),
        [value for name, value in old if name],
    )


Pairs = list[tuple[str, Literal]]


def _shaped(parts: list[Part], update: bool) -> tuple[tuple[Pairs, Pairs], bool] | None:
    """SET and WHERE of a reading, and whether LogMiner does not separate them so; None for what no statement is: two
    WHEREs, AND in SET, a column twice."""
    odd = False
    new: Pairs = []
    old: Pairs = []
    in_set = update
    for name, value, between in parts:
        (new if in_set else old).append((name, value))
        follows = between.strip().lower()
        odd = odd or (bool(follows) and between not in _PRINTED)
        if follows == "where":
            if not in_set:
                return None
            in_set = False
        elif follows and in_set and follows != ",":
            return None
        elif follows == "," and not in_set:
            odd = True
    for pairs in (new, old):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            return None
    return (new, old), odd


def _only_of(readings: list[tuple[Pairs, Pairs]], accepts: Accepts | None) -> tuple[Pairs, Pairs]:
    if not readings:
        raise RedoError("its literals cannot be told apart")

    def fits(reading: tuple[Pairs, Pairs]) -> bool:
        return accepts is None or all(
            value is None or not name or accepts(name, value) for pairs in reading for name, value in pairs
        )

    left = [reading for reading in readings if fits(reading)]
    if len(left) > 1:
        # The WHERE clause lists the columns in the table's order; the SET clause does so too.
        most = max(len(old) for _, old in left)
        order = {name: place for place, (name, _) in enumerate(max(left, key=lambda item: len(item[1]))[1])}

        def ordered(reading: tuple[Pairs, Pairs]) -> bool:
            places = [order[name] for name, _ in reading[0] if name in order]
            return len(reading[1]) == most and places == sorted(places)

        left = [reading for reading in left if ordered(reading)] or left
    if len(left) != 1:
        raise RedoError(
            f"it can be read in {len(left)} ways, for quotes in its values are not doubled"
            if left
            else "no value fits its column"
        )
    return left[0]


def requote(text: str) -> str:
    """A literal as it should have been printed: ``text`` includes the outer quotes."""
    inner = text[1:-1]
    if "'" not in inner.replace("''", ""):
        return text
    return "'" + inner.replace("'", "''") + "'"


class _Search:
    def __init__(self, statement: str) -> None:
        self._text = statement
        self._steps = 0
        self._found = 0

    def _ends(self, start: int, good: Callable[[int], object]) -> Iterator[tuple[str, int]]:
        """Literals that may begin at ``start``, and where each ends."""
        text = self._text
        opening = text.find("'", start)
        strict = _STRICT_VALUE(text, start)
        if strict is not None and good(strict.end()):
            yield strict.group(), strict.end()
        if opening < 0 or not (opening == start or text[start:opening].rstrip().endswith("(")):
            return
        call = text[start:opening]
        at = opening
        while (at := text.find("'", at + 1)) >= 0:
            self._steps += 1
            if self._steps > _STEPS:
                raise RedoError("its quotes allow too many readings")
            end = at + 1
            if call:
                if text[end : end + 1] != ")":
                    continue
                end += 1
            if strict is not None and end == strict.end():
                continue
            if good(end) and not self._hides(opening, at):
                literal = call + requote(text[opening : at + 1]) + (")" if call else "")
                yield literal, end

    def _hides(self, opening: int, end: int) -> bool:
        """Whether what would be one text seems to hold a condition that cannot be read, for its value has no form that is known.

        Such a statement is not one whose quotes are not doubled: nothing may be taken for the text's own.
        """
        text = self._text
        for found in _ENDED(text, opening + 1, end):
            at = found.end()
            while at < end:
                head = _NAME(text, at)
                if head is None:
                    return True
                at = head.end()
                if head.group(2):
                    if text[at] == "'":
                        break
                    value = _STRICT_VALUE(text, at)
                    if value is None:
                        return True
                    at = value.end()
                separator = _SEPARATOR(text, at)
                if separator is None:
                    return True
                at = separator.end()
        return False

    @staticmethod
    def _run(go: Callable[[], object]) -> None:
        try:
            go()
        except RecursionError:
            raise RedoError("its quotes are not doubled, and it has too many columns to find out where each value ends") from None

    def _count(self) -> None:
        self._found += 1
        if self._found > _READINGS:
            raise RedoError("its quotes allow too many readings")

    def values(self, start: int, wanted: int) -> list[tuple[list[Literal], bool]]:
        """All readings of an insert's values, ``wanted`` in number, and whether LogMiner does not separate them so."""
        text = self._text
        dead: set[tuple[int, int]] = set()
        result: list[tuple[list[Literal], bool]] = []

        def go(at: int, left: int, before: list[Literal], odd: bool) -> bool:
            if (at, left) in dead:
                return False
            any_ = False
            last = left == 1
            for literal, end in self._ends(at, (lambda e: _CLOSED(text, e)) if last else (lambda e: _NEXT_VALUE(text, e))):
                value: Literal = None if literal == "NULL" else literal
                if last:
                    self._count()
                    result.append(([*before, value], odd))
                    any_ = True
                elif (between := _NEXT_VALUE(text, end)) is not None and go(
                    between.end(), left - 1, [*before, value], odd or between.group() not in _PRINTED
                ):
                    any_ = True
            if not any_:
                dead.add((at, left))
            return any_

        self._run(lambda: go(start, wanted, [], False))
        return result

    def conditions(self, start: int) -> list[list[Part]]:
        """All readings of a SET clause with its WHERE clause, or of a WHERE clause."""
        text = self._text
        dead: set[int] = set()
        result: list[list[Part]] = []

        def go(at: int, before: list[Part]) -> bool:
            if at in dead:
                return False
            head = _NAME(text, at)
            any_ = False
            if head is not None:
                name = head.group(1) or ""
                choices: Iterator[tuple[str, int]] = (
                    self._ends(head.end(), lambda e: _SEPARATOR(text, e)) if head.group(2) else iter([("NULL", head.end())])
                )
                for literal, end in choices:
                    value: Literal = None if literal == "NULL" else literal
                    found = _SEPARATOR(text, end)
                    if found is None:
                        continue
                    follows = found.group(1) or ""
                    if not follows:
                        self._count()
                        result.append([*before, (name, value, "")])
                        any_ = True
                    elif go(found.end(), [*before, (name, value, follows)]):
                        any_ = True
            if not any_:
                dead.add(at)
            return any_

        self._run(lambda: go(start, []))
        return result
