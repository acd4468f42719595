"""``export schema`` for a PostgreSQL source: dump, classify, filter, rename, write one file per object type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pglast import ast
from pglast.enums import AlterTableType, ObjectType

from voyager_ops.databases.postgres.leaf_identity import EVENT_TRIGGER
from voyager_ops.errors import PreconditionError, SchemaError
from voyager_ops.schema import layout
from voyager_ops.schema.classify import Classified, classify
from voyager_ops.schema.dump import dump, find_pg_dump, server_major
from voyager_ops.schema.filtering import leave_out
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.names import Name, of_range, of_strings, quoted, shown, walk
from voyager_ops.schema.primary_keys import merge_primary_keys
from voyager_ops.schema.rename import rename_schema
from voyager_ops.schema.source import SourceFacts, read_source
from voyager_ops.schema.statements import Statement, parse


@dataclass(frozen=True)
class SchemaExport:
    """``counts``: statements per kind; ``findings``: what was left out or needs a look."""

    directory: Path
    source_version: int
    counts: dict[str, int]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "directory": str(self.directory),
            "source_version": self.source_version,
            "counts": self.counts,
            "findings": [finding.to_json() for finding in self.findings],
        }


def export_schema(
    conninfo: str,
    schema_dir: Path,
    *,
    schemas: Sequence[str],
    manifest_path: Path | None = None,
    include_tables: Collection[Name] | None = None,
    exclude_tables: Collection[Name] = (),
    rename_to: str | None = None,
    pg_dump: Path | None = None,
    start_clean: bool = False,
    progress: Callable[[str], None] | None = None,
) -> SchemaExport:
    """Export ``schemas`` of the database at ``conninfo`` into ``schema_dir``.

    ``include_tables``/``exclude_tables``: exact (schema, table) pairs. ``rename_to``: the name of the single source schema on the
    target. Raises PreconditionError (no usable pg_dump, unknown schema, edited files without ``start_clean``) and SchemaError.
    """
    manifest = manifest_path or layout.default_manifest_path(schema_dir)
    if not start_clean:
        layout.refuse_edited(schema_dir, manifest)
    tell = progress or (lambda message: None)
    program = find_pg_dump(server_major(conninfo), pg_dump)
    with psycopg.connect(conninfo) as connection:
        facts = read_source(connection, schemas)
    tell(f"running {program.name} on schemas {', '.join(schemas)}")
    text = dump(conninfo, program=program, exclude_schemas=facts.other_schemas, exclude_tables=exclude_tables)
    tell("splitting by object type")
    ordered, findings = arrange(
        text,
        facts=facts,
        include_tables=include_tables,
        exclude_tables=exclude_tables,
        rename_to=rename_to,
    )
    layout.write(schema_dir, manifest, ordered, findings=findings, source_version=facts.version)
    counts = Counter(kind.value for kind, _ in ordered)
    return SchemaExport(schema_dir, facts.version, dict(counts), tuple(findings))


def arrange(
    text: str,
    *,
    facts: SourceFacts,
    include_tables: Collection[Name] | None = None,
    exclude_tables: Collection[Name] = (),
    rename_to: str | None = None,
) -> tuple[list[tuple[Kind, Statement]], list[Finding]]:
    """The pure part: pg_dump's text to (kind, statement) in an order that imports, and findings."""
    if rename_to is not None and len(facts.schemas) != 1:
        raise PreconditionError(
            f"a target schema name ({rename_to}) can be given for one source schema only, not for {', '.join(facts.schemas)}",
            state="nothing has been exported",
            next_step="leave the target's schema out of the configuration, or migrate one schema",
        )
    statements = [statement for statement in _parsed(text) if not _ours(statement.node)]
    findings = _access_methods(statements) + _lost_children(facts)
    statements = [s for s in statements if not classify(s.node).session]
    statements, left_out = leave_out(
        statements,
        include=include_tables,
        exclude={*exclude_tables, *facts.outside_objects},
        outside_schemas=facts.outside_schemas,
    )
    findings += left_out
    statements = merge_primary_keys(statements)
    statements = [*_schemas(facts), *(s for s in statements if not isinstance(s.node, ast.CreateSchemaStmt))]
    statements += _refreshes(statements, facts)
    if rename_to is not None and rename_to != facts.schemas[0]:
        statements, renamed = rename_schema(statements, facts.schemas[0], rename_to)
        findings += renamed
    ordered: list[tuple[Kind, Statement]] = []
    kinds = StatementKinds(statements)
    for statement in statements:
        what = classify(statement.node)
        findings += _remarks(what)
        if what.kind is not Kind.OMITTED:
            ordered.append((kinds.of(statement, what), statement))
    return ordered, findings


def _ours(node: Any) -> bool:
    """The event trigger that watches over new partitions while changes stream belongs to no user."""
    return isinstance(node, (ast.CreateEventTrigStmt, ast.AlterEventTrigStmt)) and node.trigname == EVENT_TRIGGER


def _parsed(text: str) -> list[Statement]:
    statements = parse(text)
    broken = [statement for statement in statements if statement.error is not None]
    if broken:
        first = broken[0]
        raise SchemaError(
            f"{len(broken)} statements of pg_dump's output do not parse; the first, at line {first.line}:"
            f" {first.error}: {first.text[:200]}",
            state="nothing has been written",
            next_step="report this statement; a pg_dump of another version may help",
        )
    return statements


def _schemas(facts: SourceFacts) -> list[Statement]:
    wanted = [*facts.schemas, *(name for name in facts.extension_schemas if name not in facts.schemas)]
    return [parse(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}")[0] for name in wanted]


def _refreshes(statements: Sequence[Statement], facts: SourceFacts) -> list[Statement]:
    """REFRESH for every materialized view that is populated on the source, in the order of creation."""
    result = []
    for statement in statements:
        what = classify(statement.node)
        if what.kind is Kind.MATERIALIZED_VIEW and what.creates and what.creates not in facts.unpopulated:
            result.append(parse(f"REFRESH MATERIALIZED VIEW {quoted(*what.creates)}")[0])
    return result


def _access_methods(statements: Sequence[Statement]) -> list[Finding]:
    found = {
        str(argument.val.sval)
        for s in statements
        if isinstance(s.node, ast.VariableSetStmt) and s.node.name == "default_table_access_method"
        for argument in s.node.args or ()
        if isinstance(argument.val, ast.String) and argument.val.sval not in {"", "heap"}
    }
    message = "tables of this access method become ordinary (heap) tables on the target"
    return [Finding("TABLE_ACCESS_METHOD", "access method", name, message) for name in sorted(found)]


def _lost_children(facts: SourceFacts) -> list[Finding]:
    """Rows seen through a parent that would not arrive: its partition is in a schema that is not migrated."""
    return [
        Finding(
            "PARTITION_OUTSIDE",
            "partition",
            shown(child),
            f"it belongs to {shown(parent)} but its schema is not migrated: its rows will be missing. Add the schema {child[0]}",
        )
        for parent, child in facts.children_outside
    ]


def _remarks(what: Classified) -> list[Finding]:
    kind = what.kind.value.replace("_", " ")
    if what.omit:
        return [Finding("OMITTED", kind, what.name, what.omit)]
    if what.kind is Kind.FOREIGN_TABLE and what.creates:
        message = "its rows live on another server and are not migrated; its server must be reachable from the target"
        return [Finding("FOREIGN_TABLE", kind, what.name, message)]
    if what.kind is Kind.FOREIGN_SERVER:
        message = "create its user mappings on the target by hand: they hold passwords and are not exported"
        return [Finding("FOREIGN_SERVER", kind, what.name, message)]
    if what.kind is Kind.EVENT_TRIGGER:
        message = "only a superuser can create it; it fires on the target's own DDL from then on"
        return [Finding("EVENT_TRIGGER", kind, what.name, message)]
    return []


class StatementKinds:
    """Kinds that depend on other statements: which index is altered, indexes of materialized views, functions that must wait."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._materialized: set[Name] = set()
        self._of_index: dict[Name, Kind] = {}
        for statement in statements:
            what = classify(statement.node)
            if what.kind is Kind.MATERIALIZED_VIEW and what.creates:
                self._materialized.add(what.creates)
        self._late_functions: set[Name] = set()
        for statement in statements:
            what = classify(statement.node)
            if what.creates and (isinstance(statement.node, ast.IndexStmt) or what.kind.stage.value == "unique"):
                self._of_index[what.creates] = self._plain(what)
        constraints = {name for (_, name), kind in self._of_index.items() if kind is Kind.UNIQUE_CONSTRAINT}
        for statement in statements:
            if constraints & set(_conflict_constraints(statement.node)):
                self._late_functions.add(of_strings(statement.node.funcname))

    def _plain(self, what: Classified) -> Kind:
        return Kind.INDEX if what.kind is Kind.UNIQUE_INDEX and what.relation in self._materialized else what.kind

    def of(self, statement: Statement, what: Classified) -> Kind:
        node = statement.node
        if isinstance(node, ast.AlterTableStmt) and node.objtype == ObjectType.OBJECT_INDEX:
            command: Any = (node.cmds or (None,))[0]
            attached = command.subtype == AlterTableType.AT_AttachPartition
            index = of_range(command.def_.name) if attached else of_range(node.relation)
            return self._of_index.get(of_range(node.relation), self._of_index.get(index, Kind.INDEX))
        if isinstance(node, ast.CreateFunctionStmt) and of_strings(node.funcname) in self._late_functions:
            return Kind.FUNCTION_POST
        if isinstance(node, ast.CommentStmt) and isinstance(node.object, ast.ObjectWithArgs):
            return Kind.COMMENT_POST if of_strings(node.object.objname) in self._late_functions else what.kind
        return self._plain(what)


def _conflict_constraints(node: Any) -> list[str]:
    """The constraints that the SQL-standard body of a function names in ON CONFLICT: it cannot exist before them."""
    if not isinstance(node, ast.CreateFunctionStmt) or node.sql_body is None:
        return []
    return [item.conname for item in walk(node.sql_body) if isinstance(item, ast.InferClause) and item.conname]
