"""The target's type of every column of a dictionary, those included that follow from foreign keys."""

from __future__ import annotations

from collections import defaultdict

from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.databases.oracle.dictionary_rows import ColumnRow
from voyager_ops.databases.oracle.overrides import SKIP, Overrides
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import OracleType

ColumnName = tuple[str, str, str]
"""(owner, table, column), as Oracle spells them."""


def oracle_type(row: ColumnRow) -> OracleType:
    """The type of a column as the dictionary describes it."""
    name = f"REF {row.data_type}" if row.data_type_mod == "REF" else row.data_type
    return OracleType.from_dictionary(
        name, row.data_length, row.data_precision, row.data_scale, row.char_length, row.char_used, row.data_type_owner
    )


def target_types(dictionary: Dictionary, overrides: Overrides) -> dict[ColumnName, str | None]:
    """The target's type of every column: None where there is none, ``skip`` where the configuration leaves it out.

    A number that an enabled foreign key ties to an integer gets the type of the key: all its values are values of that, and
    PostgreSQL has no foreign key from numeric to integer. One that is not validated ties nothing: rows from before it may hold
    anything. Raises ConfigError for an override that cannot be.
    """
    types: dict[ColumnName, str | None] = {}
    fixed: set[ColumnName] = set()
    for row in dictionary.tab_cols:
        name = (row.owner, row.table_name, row.column_name)
        oracle = oracle_type(row)
        if overrides.of(*name, oracle):
            fixed.add(name)
        types[name] = overrides.target(*name, oracle, identity=row.identity_column == "YES")
    pairs = [pair for pair in _tied(dictionary) if pair[0] not in fixed]
    changed = True
    while changed:  # a key may itself be tied to another one
        changed = False
        for child, parent in pairs:
            mine, its = types.get(child), types.get(parent)
            if mine is not None and its is not None and mine != its and _is_numeric(mine) and _is_integer(its):
                types[child] = its
                changed = True
    return types


def _tied(dictionary: Dictionary) -> list[tuple[ColumnName, ColumnName]]:
    """(column, column it refers to) of the foreign keys that all rows pass."""
    columns: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for column in dictionary.cons_columns:
        columns[(column.owner, column.constraint_name)].append((column.position or 0, column.column_name))
    constraints = {(row.owner, row.constraint_name): row for row in dictionary.constraints}
    pairs: list[tuple[ColumnName, ColumnName]] = []
    for row in dictionary.constraints:
        parent = constraints.get((row.r_owner or row.owner, row.r_constraint_name))
        if row.constraint_type != "R" or parent is None or (row.status, row.validated) != ("ENABLED", "VALIDATED"):
            continue
        mine = sorted(columns[(row.owner, row.constraint_name)])
        its = sorted(columns[(parent.owner, parent.constraint_name)])
        for (_, child), (_, key) in zip(mine, its, strict=False):
            pairs.append(((row.owner, row.table_name, child), (parent.owner, parent.table_name, key)))
    return pairs


def _is_numeric(sql: str) -> bool:
    target = parse_target(sql) if sql != SKIP else None
    return target is not None and target.kind == "numeric" and not target.scale


def _is_integer(sql: str) -> bool:
    target = parse_target(sql) if sql != SKIP else None
    return target is not None and target.kind in ("int2", "int4", "int8")
