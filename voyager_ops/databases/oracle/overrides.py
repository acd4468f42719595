"""What the configuration wants of types: other targets for a type, in one table too, or for a column, columns left out, and NUL
characters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from voyager_ops.databases.oracle.name_map import Naming
from voyager_ops.databases.oracle.names import fold, unfold
from voyager_ops.databases.oracle.types import CHARACTERS, OracleType, target_type
from voyager_ops.errors import ConfigError

SKIP: Final = "skip"
"""Instead of a type: the column is left out, from the target's table too."""
_Found = TypeVar("_Found")
_Keyed = dict[tuple[str, ...], dict[tuple[str, ...], _Found]]
"""By the folded name, what is said of each name that is spelled so."""


@dataclass(frozen=True)
class Overrides:
    """``by_type``: Oracle's spelling of a type to a target type. A type with its numbers (``NUMBER(10,0)``) is that one only, one
    without (``DATE``, ``VARCHAR2``) any of its kind, but ``NUMBER`` is a NUMBER declared without precision.
    ``by_table``: ``OWNER.TABLE`` to what ``by_type`` is, for the columns of that table. ``by_column``: ``OWNER.TABLE.COLUMN`` to
    a target type or ``skip``. The column goes before the table, and that before ``by_type``, however special the keys are.
    A name in lower case means that in upper case too, but never the other way round: ``HR.EMP`` is not ``"emp"``.
    ``nul``: see :func:`value_text.without_nul`. ``naming``: names on the target.
    """

    by_type: Mapping[str, str] = field(default_factory=dict)
    by_table: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_column: Mapping[str, str] = field(default_factory=dict)
    nul: str = ""
    naming: Naming = field(default_factory=Naming)

    def of(self, owner: str, table: str, column: str, type_: OracleType) -> str:
        """The target type wanted for a column (Oracle's names), ``skip``, or '' when nothing is said."""
        wanted = _meant(self._by_column, (owner, table, column))
        if wanted is not None:
            return wanted
        for by_type in (_meant(self._by_table, (owner, table)) or {}, self._by_type):
            for spelling in _spellings(type_):
                if spelling in by_type:
                    return by_type[spelling]
        return ""

    def target(self, owner: str, table: str, column: str, type_: OracleType, *, identity: bool = False) -> str | None:
        """The column's type on the target, ``skip``, or None when there is none (:func:`types.why_not`).

        Raises ConfigError for a wanted type that cannot be.
        """
        wanted = self.of(owner, table, column, type_)
        if wanted == SKIP:
            return SKIP
        try:
            return target_type(type_, override=wanted, identity=identity)
        except ConfigError as error:
            raise ConfigError(f"{owner}.{table}.{column}: {error.reason}", key="types", next_step=error.next_step) from None

    def with_policy(self, type_: OracleType) -> OracleType:
        """The type with what is to become of NUL characters, where it can hold any."""
        return replace(type_, nul=self.nul) if self.nul and self.nul != "refuse" else type_

    def unknown(self, columns: set[tuple[str, str, str]]) -> tuple[str, ...]:
        """Keys of ``by_column`` that name none of ``columns`` (Oracle's names)."""
        known = _by_folded(columns)
        return tuple(key for key in self.by_column if not _named(_column_key(key), known))

    def unknown_of_tables(self, columns: Iterable[tuple[str, str, OracleType]]) -> tuple[tuple[str, str], ...]:
        """Keys of ``by_table`` that mean none of ``columns`` (owner, table, type): (table, ''), or (table, type) where only that
        is not to be found in the table. What ``by_column`` says of a column does not count."""
        found: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for owner, table, type_ in columns:
            found[owner, table].update(_spellings(type_))
        known = _by_folded(found)
        unknown: list[tuple[str, str]] = []
        for key, by_type in self.by_table.items():
            tables = _named(_table_key(key), known)
            if not tables:
                unknown.append((key, ""))
            else:
                there = {spelling for table in tables for spelling in found[table]}
                unknown += [(key, spelling) for spelling in by_type if type_key(spelling) not in there]
        return tuple(unknown)

    @property
    def _by_table(self) -> _Keyed[dict[str, str]]:
        found: _Keyed[dict[str, str]] = defaultdict(dict)
        for key, by_type in self.by_table.items():
            found[_folded(_table_key(key))][_table_key(key)] = {
                type_key(spelling): wanted for spelling, wanted in by_type.items()
            }
        return found

    @property
    def _by_column(self) -> _Keyed[str]:
        found: _Keyed[str] = defaultdict(dict)
        for key, wanted in self.by_column.items():
            found[_folded(_column_key(key))][_column_key(key)] = wanted
        return found

    @property
    def _by_type(self) -> dict[str, str]:
        return {type_key(key): value for key, value in self.by_type.items()}


def _column_key(key: str) -> tuple[str, ...]:
    return tuple(key.split(".", 2))


def _table_key(key: str) -> tuple[str, ...]:
    return tuple(key.split(".", 1))


def _folded(name: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(unfold(part)) for part in name)


def _means(key: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether ``key``, of the configuration, can mean what Oracle calls ``name``."""
    return all(part in (written, unfold(written)) for written, part in zip(key, name, strict=True))


def _meant(keyed: Mapping[tuple[str, ...], Mapping[tuple[str, ...], _Found]], name: tuple[str, ...]) -> _Found | None:
    """What is said of Oracle's ``name``: by the key that is spelled like it, else by one that can mean it."""
    keys = keyed.get(_folded(name), {})
    if name in keys:
        return keys[name]
    return next((found for key, found in keys.items() if _means(key, name)), None)


def _by_folded(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for name in names:
        found[_folded(name)].append(name)
    return found


def _named(key: tuple[str, ...], known: Mapping[tuple[str, ...], list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Oracle's names that ``key`` can mean."""
    return [name for name in known.get(_folded(key), ()) if _means(key, name)]


def type_key(key: str) -> str:
    """A key of ``by_type``, or of a table of ``by_table``, in one spelling. Raises ValueError for what is no type's name."""
    type_ = OracleType.parse(key)
    if "(" in key or type_.name == "NUMBER":
        return _spellings(type_)[0]
    return type_.name


def check_table_key(key: str) -> None:
    """Raises ValueError for what is not OWNER.TABLE."""
    parts = key.split(".")
    if len(parts) != 2 or not all(parts):
        raise ValueError(f"{key!r}: OWNER.TABLE is wanted")


def check_column_key(key: str) -> None:
    """Raises ValueError for what is not OWNER.TABLE.COLUMN."""
    parts = key.split(".")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"{key!r}: OWNER.TABLE.COLUMN is wanted")


def _spellings(type_: OracleType) -> tuple[str, ...]:
    """From the most special to the least."""
    if type_.name in CHARACTERS:
        return (f"{type_.name}({type_.characters})", type_.name)
    if type_.name == "NUMBER":
        return (type_.sql,)
    return (type_.sql, type_.name)
