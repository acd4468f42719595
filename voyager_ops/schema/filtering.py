"""Leaving tables out: what hangs on them goes too, what depends on them is dropped and reported."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import ObjectType

from voyager_ops.schema.classify import Classified, classify
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.names import Name, of_range, of_strings, of_type, shown, split_dotted, strings, walk
from voyager_ops.schema.statements import Statement

_TABLES = {Kind.TABLE, Kind.PARTITION, Kind.FOREIGN_TABLE}
# These cannot exist without what they name; dropping one loses no data.
_DEPENDENT = {
    Kind.VIEW,
    Kind.MATERIALIZED_VIEW,
    Kind.FOREIGN_KEY,
    Kind.TRIGGER,
    Kind.EVENT_TRIGGER,
    Kind.RULE,
    Kind.POLICY,
    Kind.CAST,
    Kind.FUNCTION,
    Kind.PROCEDURE,
    Kind.AGGREGATE,
    Kind.OPERATOR,
    Kind.STATISTICS,
    Kind.MATERIALIZED_VIEW_REFRESH,
}


def references(node: Any) -> Iterator[Name]:
    """Every relation, type and function that a statement names (bodies in quotes excepted)."""
    for item in walk(node):
        if isinstance(item, ast.RangeVar):
            yield of_range(item)
        elif isinstance(item, ast.TypeName):
            yield of_type(item)
        elif isinstance(item, ast.FuncCall):
            yield of_strings(item.funcname)
        elif isinstance(item, ast.ObjectWithArgs):
            yield of_strings(item.objname)
        elif isinstance(item, (ast.CreateTrigStmt, ast.CreateEventTrigStmt)):
            yield of_strings(item.funcname)


@dataclass
class _State:
    gone: set[Name]
    """Relations, types and functions that will not exist on the target."""
    outside: Collection[str]
    indexes: dict[Name, Name] = field(default_factory=dict)
    """Index to its table."""
    gone_parts: set[tuple[Name | None, str]] = field(default_factory=set)
    """Triggers, rules, policies and constraints left out, each with its table."""
    kept: list[Statement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def missing(self, node: Any) -> Name | None:
        """The first thing ``node`` names that will not exist on the target."""
        return next((name for name in references(node) if name in self.gone or name[0] in self.outside), None)


def leave_out(
    statements: list[Statement],
    *,
    include: Collection[Name] | None = None,
    exclude: Collection[Name] = (),
    outside_schemas: Collection[str] = (),
) -> tuple[list[Statement], list[Finding]]:
    """The statements without the tables that are not wanted, and what to tell the user about it.

    ``include``: the only tables to keep (None: all); ``exclude``: tables to drop; both exact (schema, table).
    ``outside_schemas``: schemas of the source that are not migrated; dependants on anything in them are dropped likewise.
    """
    classified = [classify(statement.node) for statement in statements]
    tables = {c.creates for c in classified if c.kind in _TABLES and c.creates is not None}
    gone: set[Name] = {tuple(name) for name in exclude}  # type: ignore[misc]
    if include is not None:
        gone |= tables - {tuple(name) for name in include}
    state = _State(gone, set(outside_schemas))
    if not gone and not state.outside:
        return statements, []
    state.gone |= _owned_sequences(statements, state.gone)
    for statement, what in zip(statements, classified, strict=True):
        _consider(state, statement, what)
    return [s for s in state.kept if not _dangles(state, s.node)], state.findings


def _dangles(state: _State, node: Any) -> bool:
    """``ALTER INDEX … ATTACH PARTITION`` where one of the two indexes is not in the dump."""
    if not isinstance(node, ast.AlterTableStmt) or node.objtype != ObjectType.OBJECT_INDEX:
        return False
    children = [of_range(c.def_.name) for c in _commands(node) if isinstance(c.def_, ast.PartitionCmd)]
    tables = [state.indexes.get(name) for name in (of_range(node.relation), *children)] if children else []
    return any(table is None or table in state.gone for table in tables)


def _owned_sequences(statements: list[Statement], gone: set[Name]) -> set[Name]:
    """Sequences owned by a column of a dropped table, unless the default of another table draws from them."""
    owned: set[Name] = set()
    used: set[Name] = set()
    for statement in statements:
        if isinstance(statement.node, ast.AlterSeqStmt):
            for option in statement.node.options or ():
                parts = strings(option.arg) if option.defname == "owned_by" else []
                if len(parts) == 3 and (parts[0], parts[1]) in gone:
                    owned.add(of_range(statement.node.sequence))
        elif isinstance(statement.node, ast.AlterTableStmt) and of_range(statement.node.relation) not in gone:
            used.update(_regclass_names(statement.node))
    return owned - used


def _regclass_names(node: Any) -> Iterator[Name]:
    for item in walk(node):
        if isinstance(item, ast.TypeCast) and of_type(item.typeName)[1] == "regclass" and isinstance(item.arg, ast.A_Const):
            parts = split_dotted(item.arg.val.sval or "") if isinstance(item.arg.val, ast.String) else None
            if parts and len(parts) == 2:
                yield (parts[0], parts[1])


def _consider(state: _State, statement: Statement, what: Classified) -> None:
    node = statement.node
    if isinstance(node, ast.IndexStmt) and what.creates and what.relation:
        state.indexes[what.creates] = what.relation
    if isinstance(node, ast.AlterTableStmt) and what.creates and what.relation:
        state.indexes[what.creates] = what.relation
    hangs_on = what.relation
    if _is_index_statement(node) and hangs_on is not None:
        hangs_on = state.indexes.get(hangs_on, hangs_on)
    if _owned_by_gone(node, state.gone) or any(part in state.gone_parts for part in _parts(node, what)):
        return
    if hangs_on is not None and hangs_on in state.gone:
        child = _attached_child(node)
        if child is not None and child not in state.gone:
            _drop(state, statement, what, hangs_on, "partition")
        return
    if what.relation is not None and what.relation[0] in state.outside:
        return
    lost = state.missing(node)
    if lost is None:
        state.kept.append(statement)
        return
    if isinstance(node, ast.CommentStmt):
        return
    kind = what.kind.value.replace("_", " ")
    if what.kind in _DEPENDENT or _attached_child(node) is not None:
        _drop(state, statement, what, lost, kind)
        return
    state.kept.append(statement)
    state.findings.append(
        Finding(
            "DEPENDS_ON_LEFT_OUT",
            kind,
            what.name,
            f"kept, but it names {shown(lost)}, which is not migrated: create that on the target first",
        )
    )


def _drop(state: _State, statement: Statement, what: Classified, lost: Name, kind: str) -> None:
    if what.creates is not None and what.kind in {Kind.VIEW, Kind.MATERIALIZED_VIEW}:
        state.gone.add(what.creates)
    if isinstance(statement.node, ast.CreateFunctionStmt):
        state.gone.add(of_strings(statement.node.funcname))
    state.gone_parts.update((what.relation, part) for part in [_own_name(statement.node)] if part)
    message = f"left out: it depends on {shown(lost)}, which is not migrated"
    if _attached_child(statement.node) is not None:
        message = f"not attached to its parent or child: {shown(lost)} is not migrated; the table stands alone on the target"
    state.findings.append(Finding("DEPENDENT_LEFT_OUT", kind, what.name, message))


def _own_name(node: Any) -> str:
    """The name of a trigger, rule, policy or constraint that ``node`` makes, "" for anything else."""
    if isinstance(node, (ast.CreateTrigStmt, ast.CreateEventTrigStmt)):
        return node.trigname or ""
    if isinstance(node, ast.RuleStmt):
        return node.rulename or ""
    if isinstance(node, ast.CreatePolicyStmt):
        return node.policy_name or ""
    names = (c.def_.conname for c in _commands(node) if isinstance(c.def_, ast.Constraint))
    return next((name for name in names if name), "")


def _parts(node: Any, what: Classified) -> Iterator[tuple[Name | None, str]]:
    """The triggers, rules, policies or constraints that ``node`` changes or comments on."""
    if isinstance(node, ast.CommentStmt):
        parts: list[str] = strings(node.object) if isinstance(node.object, tuple) else []
        if node.objtype != ObjectType.OBJECT_COLUMN:
            yield (what.relation, parts[-1] if parts else str(getattr(node.object, "sval", "")))
    elif isinstance(node, ast.AlterEventTrigStmt):
        yield (None, node.trigname or "")
    elif what.kind in {Kind.TRIGGER, Kind.RULE}:
        yield from ((what.relation, command.name) for command in _commands(node) if command.name)


def _commands(node: Any) -> tuple[Any, ...]:
    return node.cmds or () if isinstance(node, ast.AlterTableStmt) else ()


def _is_index_statement(node: Any) -> bool:
    if isinstance(node, ast.AlterTableStmt):
        return bool(node.objtype == ObjectType.OBJECT_INDEX)
    return isinstance(node, ast.CommentStmt) and node.objtype == ObjectType.OBJECT_INDEX


def _attached_child(node: Any) -> Name | None:
    """The table that ``ALTER TABLE … ATTACH PARTITION`` attaches; None for any other statement."""
    if not isinstance(node, ast.AlterTableStmt) or node.objtype == ObjectType.OBJECT_INDEX:
        return None
    children = (command.def_ for command in _commands(node) if isinstance(command.def_, ast.PartitionCmd))
    return next((of_range(child.name) for child in children), None)


def _owned_by_gone(node: Any, gone: set[Name]) -> bool:
    """``ALTER SEQUENCE … OWNED BY`` a column of a dropped table."""
    if not isinstance(node, ast.AlterSeqStmt):
        return False
    owners = [strings(option.arg) for option in node.options or () if option.defname == "owned_by"]
    return any(len(parts) == 3 and (parts[0], parts[1]) in gone for parts in owners)
