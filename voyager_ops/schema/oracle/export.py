"""``export schema`` for an Oracle source: dictionary, conversion, and the same files as for any other source."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.databases.oracle.names import fold
from voyager_ops.databases.oracle.overrides import Overrides
from voyager_ops.errors import PreconditionError
from voyager_ops.schema import layout
from voyager_ops.schema.classify import classify
from voyager_ops.schema.export import SchemaExport, StatementKinds
from voyager_ops.schema.filtering import leave_out
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.kinds import Kind
from voyager_ops.schema.names import Name
from voyager_ops.schema.oracle.convert import Converted, convert
from voyager_ops.schema.oracle.ora2pg import Ora2pg, find_ora2pg
from voyager_ops.schema.oracle.trial import Ordered
from voyager_ops.schema.rename import rename_schema
from voyager_ops.schema.statements import Statement, parse

NAMES = "names.json"
PLSQL = "plsql.json"
DICTIONARY = "dictionary"
"""Beside the manifest, in ``schema/``: the map of names, the inventory of PL/SQL, and the rows everything was made from."""


@dataclass(frozen=True)
class OracleOptions:
    """``plsql``: ora2pg converts functions, procedures, packages and triggers where it is installed; keep lists them as work.

    ``ora2pg``: its program, default the one on PATH. ``overrides``: the target's types that the configuration wants.
    ``attempt``: tries the statements on the target (:func:`voyager_ops.schema.oracle.trial.trial`).
    """

    plsql: Literal["keep", "ora2pg"] = "keep"
    ora2pg: Path | None = None
    overrides: Overrides = field(default_factory=Overrides)
    attempt: Callable[[Ordered], tuple[Ordered, list[Finding]]] | None = None


def export(
    dictionary: Dictionary,
    schema_dir: Path,
    *,
    manifest_path: Path | None = None,
    include_tables: Collection[Name] | None = None,
    exclude_tables: Collection[Name] = (),
    rename_to: str | None = None,
    start_clean: bool = False,
    options: OracleOptions | None = None,
    progress: Callable[[str], None] | None = None,
) -> SchemaExport:
    """Convert ``dictionary`` and write ``schema_dir``, as :func:`voyager_ops.schema.export.export_schema` does for PostgreSQL.

    ``include_tables``/``exclude_tables``: (schema, table) under their names on the target. ``rename_to``: the name of the single
    source schema on the target. Raises PreconditionError (edited files without ``start_clean``, names that become one) and
    ConfigError (a type override that cannot be).
    """
    manifest = manifest_path or layout.default_manifest_path(schema_dir)
    if not start_clean:
        layout.refuse_edited(schema_dir, manifest)
    options = options or OracleOptions()
    tell = progress or (lambda message: None)
    program = find_ora2pg(options.ora2pg) if options.plsql == "ora2pg" else None
    beside = manifest.parent / "schema"
    if beside == schema_dir:  # of a scratch directory: what is written there would go with the next export
        beside = manifest.parent / "schema_evidence"
    dictionary.to_csv(beside / DICTIONARY)
    tell(f"converting {len(dictionary.objects)} objects of {', '.join(dictionary.owners)}")
    converted = convert(
        dictionary, overrides=options.overrides, convert_program=Ora2pg(program).convert if program is not None else None
    )
    ordered, findings = arrange(
        converted,
        owners=dictionary.owners,
        include_tables=include_tables,
        exclude_tables=exclude_tables,
        rename_to=rename_to,
    )
    if options.attempt is not None:
        tell("trying the statements on the target")
        ordered, refused = options.attempt(ordered)
        findings += refused
    version = dictionary.version[0]
    _write(beside / NAMES, converted.names | ({"renamed_to": rename_to} if rename_to else {}))
    _write(beside / PLSQL, {"version": 1, "programs": [item.to_json() for item in converted.programs]})
    layout.write(schema_dir, manifest, ordered, findings=findings, source_version=version)
    return SchemaExport(schema_dir, version, dict(Counter(kind.value for kind, _ in ordered)), tuple(findings))


def arrange(
    converted: Converted,
    *,
    owners: Collection[str],
    include_tables: Collection[Name] | None = None,
    exclude_tables: Collection[Name] = (),
    rename_to: str | None = None,
) -> tuple[list[tuple[Kind, Statement]], list[Finding]]:
    """The pure part: (kind, statement) in an order that imports, kept originals last, and findings."""
    if rename_to is not None and len(owners) != 1:
        raise PreconditionError(
            f"a target schema name ({rename_to}) can be given for one source schema only, not for {', '.join(owners)}",
            state="nothing has been exported",
            next_step="leave the target's schema out of the configuration, or migrate one schema",
        )
    findings = list(converted.findings)
    statements: list[Statement] = []
    for text in converted.statements:
        for statement in parse(text):
            if statement.error is None:
                statements.append(statement)
                continue
            # Only text of other programs gets here; ours has been parsed before.
            converted_by_others = f"it does not parse: {statement.error}. It is in advice/omitted.sql"
            findings.append(Finding("DOES_NOT_PARSE", "statement", statement.text.split("\n", 1)[0][:80], converted_by_others))
            statements.append(Statement(statement.text, 1, None, statement.error))
    broken = [statement for statement in statements if statement.node is None]
    statements, left_out = leave_out(
        [statement for statement in statements if statement.node is not None],
        include=include_tables,
        exclude=exclude_tables,
    )
    findings += left_out
    if rename_to is not None and rename_to != fold(next(iter(owners))):
        statements, renamed = rename_schema(statements, fold(next(iter(owners))), rename_to)
        findings += renamed
    kinds = StatementKinds(statements)
    ordered = [(kinds.of(statement, classify(statement.node)), statement) for statement in statements]
    ordered += [(Kind.OMITTED, statement) for statement in broken]
    ordered += [(kind, Statement(text, 1, None, "kept as it is")) for kind, text in converted.kept]
    return ordered, findings


def _write(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    with aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())  # names that are not the plain ones can be found out from nowhere else
    aside.replace(path)


__all__ = ["OracleOptions", "arrange", "export"]
