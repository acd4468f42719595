"""What the configuration wants of types: other targets for a type, in one table too, or for a column, columns left out, and NUL
characters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from voyager_ops.databases.oracle.name_map import Naming
from voyager_ops.databases.oracle.names import fold, unfold
from voyager_ops.databases.oracle.types import CHARACTERS, OracleType, target_type
from voyager_ops.errors import ConfigError

SKIP: Final = "skip"
"""Instead of a type: the column is left out, from the target's table too."""


@dataclass(frozen=True)
class Overrides:
    """``by_type``: Oracle's spelling of a type to a target type. A type with its numbers (``NUMBER(10,0)``) is that one only, one
    without (``DATE``, ``VARCHAR2``) any of its kind, but ``NUMBER`` is a NUMBER declared without precision.
    ``by_table``: ``OWNER.TABLE`` to what ``by_type`` is, for the columns of that table. ``by_column``: ``OWNER.TABLE.COLUMN`` to
    a target type or ``skip``. The column goes before the table, and that before ``by_type``, however special the keys are.
    ``nul``: see :func:`value_text.without_nul`. ``naming``: names on the target.
    """

    by_type: Mapping[str, str] = field(default_factory=dict)
    by_table: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_column: Mapping[str, str] = field(default_factory=dict)
    nul: str = ""
    naming: Naming = field(default_factory=Naming)

    def of(self, owner: str, table: str, column: str, type_: OracleType) -> str:
        """The target type wanted for a column (Oracle's names), ``skip``, or '' when nothing is said."""
        wanted = self._by_column.get((fold(owner), fold(table), fold(column)))
        if wanted is not None:
            return wanted
        for by_type in (self._by_table.get((fold(owner), fold(table)), {}), self._by_type):
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
        known = {(fold(owner), fold(table), fold(column)) for owner, table, column in columns}
        return tuple(key for key in self.by_column if _column_key(key) not in known)

    def unknown_of_tables(self, columns: Iterable[tuple[str, str, OracleType]]) -> tuple[tuple[str, str], ...]:
        """Keys of ``by_table`` that mean none of ``columns`` (owner, table, type): (table, ''), or (table, type) where only that
        is not to be found in the table. What ``by_column`` says of a column does not count."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for owner, table, type_ in columns:
            found[fold(owner), fold(table)].update(_spellings(type_))
        unknown: list[tuple[str, str]] = []
        for key, by_type in self.by_table.items():
            there = found.get(_table_key(key))
            if there is None:
                unknown.append((key, ""))
            else:
                unknown += [(key, spelling) for spelling in by_type if type_key(spelling) not in there]
        return tuple(unknown)

    @property
    def _by_table(self) -> dict[tuple[str, str], dict[str, str]]:
        return {
            _table_key(key): {type_key(spelling): wanted for spelling, wanted in by_type.items()}
            for key, by_type in self.by_table.items()
        }

    @property
    def _by_column(self) -> dict[tuple[str, str, str], str]:
        return {_column_key(key): value for key, value in self.by_column.items()}

    @property
    def _by_type(self) -> dict[str, str]:
        return {type_key(key): value for key, value in self.by_type.items()}


def _column_key(key: str) -> tuple[str, str, str]:
    owner, table, column = key.split(".", 2)
    return fold(unfold(owner)), fold(unfold(table)), fold(unfold(column))


def _table_key(key: str) -> tuple[str, str]:
    owner, table = key.split(".", 1)
    return fold(unfold(owner)), fold(unfold(table))


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
