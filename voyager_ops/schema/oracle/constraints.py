"""Constraints that are added to a table later: unique ones, foreign keys, and checks that existing rows need not pass."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.schema.oracle.columns import TableColumns, checked_at_once
from voyager_ops.schema.oracle.dialect import Node, Refused, identifier, table
from voyager_ops.schema.oracle.gate import translate_condition
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.scope import target_of
from voyager_ops.schema.oracle.source import Source, not_null_column
from voyager_ops.schema.oracle.typed import Kind

_ACTIONS = {"CASCADE": "CASCADE", "SET NULL": "SET NULL"}
_WORDS = {
    "P": "primary key",
    "U": "unique constraint",
    "R": "foreign key",
    "C": "check",
    "F": "constraint on an object reference",
    "H": "hash expression",
}
Made = Mapping[tuple[str, str], TableColumns]


def convert_constraints(source: Source, output: Output, made: Made) -> None:
    """Everything but primary keys and valid checks of the tables in ``made``; foreign keys last."""
    referenced = {
        (row.r_owner, row.r_constraint_name)
        for row in source.dictionary.constraints
        if row.constraint_type == "R" and row.status == "ENABLED"
    }
    later: list[rows.ConstraintRow] = []
    for place in sorted(made):
        for row in source.constraints.get(place, ()):
            if row.status != "ENABLED":
                _disabled(output, row)
            elif row.constraint_type == "U" or (row.constraint_type == "P" and not source.is_key(row)):
                _unique(source, output, row, made, (row.owner, row.constraint_name) in referenced)
            elif row.constraint_type == "R":
                later.append(row)
            elif row.constraint_type == "C" and row.validated != "VALIDATED":
                _unvalidated(output, row, made[place])
            elif row.constraint_type not in ("C", "P", "S", "V", "O", "?"):
                _left_out(output, row, "it has no counterpart on the target")
    for row in later:
        _foreign_key(source, output, row, made)
    for place in (*sorted(source.views), *sorted(source.mviews)):
        for row in source.constraints.get(place, ()):
            if row.constraint_type in ("P", "U", "R") or (row.constraint_type == "C" and place in source.mviews):
                _left_out(output, row, "views have no constraints on the target")


def _left_out(output: Output, row: rows.ConstraintRow, reason: str) -> None:
    what = _WORDS.get(row.constraint_type, f"constraint of type {row.constraint_type}")
    message = f"the {what} is left out: {reason}"
    output.find("CONSTRAINT_LEFT_OUT", "constraint", row.owner, f"{row.table_name}.{row.constraint_name}", message)


def _disabled(output: Output, row: rows.ConstraintRow) -> None:
    if row.constraint_type in ("V", "O", "S", "?"):
        return
    what = _WORDS.get(row.constraint_type, f"constraint of type {row.constraint_type}")
    rely = " (RELY: it only tells the optimizer of the source)" if row.rely == "RELY" else ""
    message = f"the {what} is disabled on the source{rely} and not created on the target"
    output.find("CONSTRAINT_DISABLED", "constraint", row.owner, f"{row.table_name}.{row.constraint_name}", message)


def _timing(row: rows.ConstraintRow) -> list[str]:
    if row.deferrable != "DEFERRABLE":
        return []
    return ["DEFERRABLE", "INITIALLY DEFERRED"] if row.deferred == "DEFERRED" else ["DEFERRABLE"]


def _named(row: rows.ConstraintRow, node: Node, name: str) -> Node:
    return node if row.generated == "GENERATED NAME" else exp.Constraint(this=identifier(name), expressions=[node])


def _add(output: Output, row: rows.ConstraintRow, node: Node, *, not_valid: bool = False) -> None:
    action = exp.AddConstraint(expressions=[node])
    target = table(*output.names.at(row.owner, row.table_name))
    # sqlglot puts NOT VALID on a line of its own, without one before it.
    suffix = " NOT VALID" if not_valid else ""
    output.add(exp.Alter(this=target, kind="TABLE", actions=[action]), suffix=suffix)


def _unique(source: Source, output: Output, row: rows.ConstraintRow, made: Made, referenced: bool) -> None:
    names = source.constraint_columns(row.owner, row.constraint_name)
    columns = made[(row.owner, row.table_name)]
    missing = [name for name in names if name not in columns.kinds]
    if missing or not names:
        _left_out(output, row, f"its columns {', '.join(missing)} are not on the target")
        return
    place = f"{row.table_name}.{row.constraint_name}"
    timing = _timing(row)
    if row.constraint_type == "P":
        message = "the primary key is a unique constraint on the target: it is not validated, or over a virtual column"
        output.find("KEY_AS_UNIQUE", "constraint", row.owner, place, message)
    if timing and referenced:
        timing = []
        output.find("KEY_IMMEDIATE", "constraint", row.owner, place, "it is checked at once: foreign keys refer to it")
    if row.validated != "VALIDATED":
        message = "NOVALIDATE: PostgreSQL has no unvalidated unique constraints; building it stops if two rows have the same"
        output.find("KEY_VALIDATED", "constraint", row.owner, place, message)
    if len(names) > 1 and not set(names) <= columns.not_null:
        output.find("UNIQUE_WITH_NULL", "constraint", row.owner, place, NULLS_DIFFER)
    keys = exp.Schema(expressions=[identifier(target_of(columns.kinds, name)) for name in names])
    node: Node = exp.UniqueColumnConstraint(this=keys, options=timing)
    if row.generated != "GENERATED NAME":
        node = _named(row, node, output.free_name("constraint", row.owner, row.constraint_name, suffix="key"))
    _add(output, row, node)


NULLS_DIFFER = (
    "with a NULL in some of its columns the others may repeat on the target, not on the source: rows written there could be"
    " refused on the way back"
)


def _unvalidated(output: Output, row: rows.ConstraintRow, columns: TableColumns) -> None:
    column = not_null_column(row)
    try:
        if column and column in columns.kinds:
            named = exp.Column(this=identifier(target_of(columns.kinds, column)))
            condition: Node = exp.Not(this=exp.Is(this=named, expression=exp.Null()))
        else:
            condition = translate_condition(row.search_condition, columns=columns.kinds, owner=row.owner).node
    except Refused as refused:
        _left_out(output, row, f"{row.search_condition.strip()!r}: {refused.reason}")
        return
    checked_at_once(output, row)
    check = exp.CheckColumnConstraint(this=condition)
    _add(output, row, _named(row, check, output.constraint_name(row)), not_valid=True)


def _foreign_key(source: Source, output: Output, row: rows.ConstraintRow, made: Made) -> None:
    parent = source.constraint.get((row.r_owner or row.owner, row.r_constraint_name))
    if parent is None or (parent.owner, parent.table_name) not in made:
        _left_out(output, row, f"the key {row.r_constraint_name} that it refers to is not among what is migrated")
        return
    names = source.constraint_columns(row.owner, row.constraint_name)
    others = source.constraint_columns(parent.owner, parent.constraint_name)
    child, there = made[(row.owner, row.table_name)], made[(parent.owner, parent.table_name)]
    reason = ""
    if parent.status != "ENABLED":
        reason = f"the key {parent.constraint_name} that it refers to is disabled"
    elif not names or not set(names) <= child.kinds.keys() or not set(others) <= there.kinds.keys():
        reason = "some of its columns are not on the target"
    elif clash := _clash(child, there, names, others):
        reason = clash
    if reason:
        _left_out(output, row, reason)
        return
    reference = exp.Reference(
        this=exp.Schema(
            this=table(*source.names.at(parent.owner, parent.table_name)),
            expressions=[identifier(target_of(there.kinds, name)) for name in others],
        )
    )
    key = exp.ForeignKey(
        expressions=[identifier(target_of(child.kinds, name)) for name in names], reference=reference, options=_timing(row)
    )
    if row.delete_rule in _ACTIONS:
        key.set("delete", _ACTIONS[row.delete_rule])
    not_valid = row.validated != "VALIDATED"
    if not_valid and (row.owner, row.table_name) in source.partitioned:
        message = "NOVALIDATE: PostgreSQL has no unvalidated foreign keys of partitioned tables; building it stops at orphans"
        output.find("KEY_VALIDATED", "constraint", row.owner, f"{row.table_name}.{row.constraint_name}", message)
        not_valid = False
    _add(output, row, _named(row, key, output.constraint_name(row)), not_valid=not_valid)


def _clash(child: TableColumns, parent: TableColumns, names: list[str], others: list[str]) -> str:
    """Why PostgreSQL would not compare the two keys, '' when it does."""
    for name, other in zip(names, others, strict=False):
        mine, its = child.kinds[name], parent.kinds[other]
        if mine.collation or its.collation:
            return f"{mine.collation or its.collation} compares it on the source, so that rows may refer to keys of other bytes"
        if not _comparable(mine, its):
            types = f"{name} is {mine.sql} and the column it refers to {its.sql}"
            return f"{types}: PostgreSQL has no foreign keys between them. Give both the same type (types.by_column)"
    return "" if len(names) == len(others) else "it has another number of columns than the key that it refers to"


def _comparable(child: Kind, parent: Kind) -> bool:
    if child.base == "number" and parent.base == "number":
        return child.native or not parent.native  # an integer fits a numeric key, not the other way round
    alike = {"text": "text", "char": "text", "date": "moment", "timestamp": "moment"}
    return alike.get(child.base, child.base) == alike.get(parent.base, parent.base)
