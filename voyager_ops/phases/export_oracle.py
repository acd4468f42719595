"""``export schema`` for an Oracle source: its dictionary is read once and converted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import oracledb

from voyager_ops.config import TablesConfig
from voyager_ops.databases.oracle.database import oracle
from voyager_ops.databases.oracle.dictionary import Dictionary, read_dictionary
from voyager_ops.databases.oracle.errors import translate
from voyager_ops.databases.oracle.name_map import Naming
from voyager_ops.databases.oracle.names import unfold
from voyager_ops.databases.postgres.database import postgres
from voyager_ops.errors import PreconditionError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.model.tables import QName, matches
from voyager_ops.schema.export import SchemaExport
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.oracle.export import OracleOptions, export
from voyager_ops.schema.oracle.trial import Ordered, trial
from voyager_ops.state.lanes import NONE, read_lane


def export_into(
    migration: Migration, directory: Path, *, start_clean: bool, progress: Callable[[str], None], manifest: Path | None
) -> SchemaExport:
    """Export into any directory. Raises PreconditionError for a schema or a view that cannot be read."""
    database = oracle(migration.source)
    connection = database.connect("export schema")
    try:
        progress("reading the dictionary")
        dictionary = read_dictionary(connection, [unfold(schema) for schema in migration.source_schemas])
    except oracledb.Error as error:
        raise translate(
            error,
            f"the dictionary of the source {database.where} could not be read",
            "nothing was exported",
            "voyager-ops prepare source --print shows the grants; run them, and the command again",
        ) from error
    finally:
        connection.close()
    return export(
        dictionary,
        directory,
        manifest_path=manifest,
        exclude_tables=excluded_tables(dictionary, migration.config.tables, database.overrides.naming),
        rename_to=migration.config.target.schema_name,
        start_clean=start_clean,
        options=OracleOptions(
            plsql=migration.config.schema_conversion.plsql, overrides=database.overrides, attempt=_attempt(migration)
        ),
        progress=progress,
    )


def refuse_renaming(migration: Migration) -> None:
    """Raise PreconditionError where capture is prepared and ``names:`` is not what it was: the target has those names."""
    naming = oracle(migration.source).overrides.naming
    if read_lane(migration.state, Lane.FORWARD).status != NONE and naming.wants_otherwise(naming.kept()):
        raise PreconditionError(
            "names: in the configuration is not what it was when capture was prepared",
            state="nothing was exported; the migration goes on by the names it began with",
            next_step="put back what names: said; or end this migration (voyager-ops end migration), and begin anew",
        )


def _attempt(migration: Migration) -> Callable[[Ordered], tuple[Ordered, list[Finding]]] | None:
    """The trial on the target that the configuration asks for; YugabyteDB's DDL would stay."""
    if not migration.config.schema_conversion.try_on_target or migration.target.kind != "postgresql":
        return None

    def attempt(ordered: Ordered) -> tuple[Ordered, list[Finding]]:
        with postgres(migration.target).connect("export schema") as connection:
            return trial(connection, ordered)

    return attempt


def excluded_tables(dictionary: Dictionary, chosen: TablesConfig, naming: Naming) -> list[QName]:
    """Tables of the source, by their names on the target, which ``tables.include``/``exclude`` leave out."""
    names = naming.names(dictionary, anew=True)
    found = [(QName(*names.at(row.owner, row.table_name)), QName(row.owner, row.table_name)) for row in dictionary.tables]

    def wanted(name: QName, native: QName) -> bool:
        included = matches(name, chosen.include) or matches(native, chosen.include)
        return included and not (matches(name, chosen.exclude) or matches(native, chosen.exclude))

    return [name for name, native in found if not wanted(name, native)]
