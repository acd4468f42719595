"""The whole conversion: a dictionary in, PostgreSQL statements, originals and findings out. Pure; nothing is read or written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from voyager_ops.databases.oracle.dictionary import Dictionary, ObjectName
from voyager_ops.databases.oracle.names import fold
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.oracle.constraints import convert_constraints
from voyager_ops.schema.oracle.indexes import convert_indexes
from voyager_ops.schema.oracle.object_types import ObjectTypes
from voyager_ops.schema.oracle.output import Output
from voyager_ops.schema.oracle.programs import Program, programs
from voyager_ops.schema.oracle.remarks import convert_comments, grants, last_look
from voyager_ops.schema.oracle.sequences import convert_schemas, convert_sequences
from voyager_ops.schema.oracle.source import Source
from voyager_ops.schema.oracle.tables import convert_tables
from voyager_ops.schema.oracle.views import Views

PlsqlConverter = Callable[[Program], str]
"""PL/SQL to PL/pgSQL. Raises PreconditionError or returns ''."""


@dataclass(frozen=True)
class Converted:
    """``statements``: in an order that imports. ``kept``: (kind, text) for people, never run. ``names``: the map, as JSON."""

    statements: tuple[str, ...]
    kept: tuple[tuple[Kind, str], ...]
    findings: tuple[Finding, ...]
    programs: tuple[Program, ...]
    names: dict[str, Any]


def convert(
    dictionary: Dictionary, *, overrides: Overrides | None = None, convert_program: PlsqlConverter | None = None
) -> Converted:
    """Convert everything, or name it.

    ``overrides``: types that the configuration wants. ``convert_program``: for PL/SQL; without it all of it is kept as it is.
    Raises PreconditionError when two names become one, ConfigError for an override that cannot be.
    """
    source = Source(dictionary, overrides or Overrides())
    output = Output(names=source.names)
    for place, target in source.names.objects.items():
        output.claim(place[0], target)
    convert_schemas(source, output)
    ObjectTypes(source, output).convert_all()
    convert_sequences(source, output)
    made = convert_tables(source, output)
    views = Views(source, output)
    views.convert_all()
    convert_comments(source, output)
    convert_constraints(source, output, made)
    convert_indexes(source, output, {place: columns.kinds for place, columns in made.items()} | views.made_mviews)
    output.statements += views.refreshes()
    inventory = tuple(_programs(source, output, programs(source), convert_program))
    for statement in grants(source, output):
        output.keep(Kind.GRANT, statement)
    last_look(source, output)
    _renamed(source, output)
    return Converted(
        tuple(output.statements), tuple(output.kept), tuple(output.findings), inventory, _names(source, output, made)
    )


def _programs(
    source: Source, output: Output, found: Iterable[Program], convert_program: PlsqlConverter | None
) -> Iterable[Program]:
    for program in found:
        output.account(program.kind, program.owner, program.name)
        converted = convert_program(program) if convert_program is not None else ""
        kind = program.kind.lower()
        if converted:
            output.statements.append(converted)
            message = f"converted by ora2pg, to be looked through: {program.summary}"
            output.find("PLSQL_CONVERTED", kind, program.owner, program.name, message)
        else:
            output.keep(Kind.PLSQL, program.text.strip().rstrip(";"))
            disabled = " It is disabled on the source." if program.status == "DISABLED" else ""
            message = f"to be rewritten by hand ({program.summary}). Its text is in advice/plsql.sql.{disabled}"
            output.find("PLSQL", kind, program.owner, program.name, message)
        yield program


def _renamed(source: Source, output: Output) -> None:
    """A finding for every table, view, sequence and column that is called otherwise than its folded name."""
    for (owner, name), target in sorted(source.names.objects.items()):
        if target != fold(name):
            output.find("RENAMED", "name", owner, name, f"{name} on the source: {_WHY}")
    for (owner, table), columns in sorted(source.names.columns.items()):
        for name, target in columns.items():
            if target != fold(name) and (owner, table) in source.relations:
                output.find("RENAMED", "column", owner, f"{table}.{name}", f"{name} on the source: {_WHY}")


_WHY = "its own name is too long or taken, or names: in the configuration says so"


def _names(source: Source, output: Output, made: Iterable[ObjectName]) -> dict[str, Any]:
    """The map: of schemas, objects and columns, and of indexes, constraints and partitions that are not simply folded."""
    others = [
        {"what": what, "owner": owner, "source": native, "target": target}
        for (what, owner, native), target in sorted(output.mapped.items())
    ]
    return source.overrides.naming.to_json(source.dictionary, source.names, made) | {"others": others}
