"""The whole conversion: a dictionary in, PostgreSQL statements, originals and findings out. Pure; nothing is read or written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from voyager_ops.databases.oracle.dictionary import Dictionary
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
    source, output = Source(dictionary, overrides or Overrides()), Output()
    for owner, name in source.named():
        output.claim(owner, fold(name))
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
    return Converted(tuple(output.statements), tuple(output.kept), tuple(output.findings), inventory, _names(source, output))


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


def _names(source: Source, output: Output) -> dict[str, Any]:
    """Oracle's names to the target's: schemas, relations with their columns, and whatever is not simply folded."""
    relations: dict[str, Any] = {}
    for (owner, name), relation in sorted(source.relations.items()):
        relations[f"{owner}.{name}"] = {
            "target": f"{relation.schema}.{relation.name}",
            "columns": {column: fold(column) for column in relation.columns},
        }
    others = [
        {"what": what, "owner": owner, "source": native, "target": target}
        for (what, owner, native), target in sorted(output.mapped.items())
    ]
    return {
        "version": 1,
        "schemas": {owner: fold(owner) for owner in source.dictionary.owners},
        "relations": relations,
        "sequences": {f"{o}.{n}": f"{fold(o)}.{fold(n)}" for o, n in sorted(source.sequences)},
        "others": others,
    }
