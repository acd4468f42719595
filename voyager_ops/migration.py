"""A migration: its configuration, export directory, records and databases. The one object every phase is given."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from voyager_ops.config import DatabaseConfig, MigrationConfig
from voyager_ops.config_file import load_config
from voyager_ops.databases.base import Database
from voyager_ops.databases.engines import database_from_url, engine_of
from voyager_ops.databases.postgres.database import PostgresDatabase, postgres
from voyager_ops.errors import ConfigError, PreconditionError
from voyager_ops.lane.context import LaneContext
from voyager_ops.model.positions import Lane, Side
from voyager_ops.model.tables import NameMap, QName, Table, matches
from voyager_ops.model.tables_json import table_from_json, table_to_json
from voyager_ops.state.store import State

Resolver = Callable[[str], str]
"""From an Airflow connection id to a database URL."""

DIRECTORIES = ("reports", "schema", "data", "metainfo", "temp", "logs")


@dataclass(frozen=True)
class ExportDirectory:
    """The migration's directory, laid out as the reference workflow's."""

    config: MigrationConfig

    @property
    def path(self) -> Path:
        return self.config.export_dir

    def create(self) -> None:
        """Make it and its parts. Raises ConfigError when it cannot be written, or is another migration's."""
        try:
            for name in DIRECTORIES:
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise self._unusable("no right to read and write it")
        try:
            owner = self._owner()
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        if owner != self.config.name:
            raise self.config.error(
                f"the directory {self.path} is that of the migration {owner!r}",
                key="export_dir",
                next_step="give every migration a directory of its own, or end that one first (voyager-ops end migration)",
            )

    def _owner(self) -> str:
        """The migration whose directory it is: the first that used it, until that one is ended."""
        file = self.metainfo / "migration"
        if not file.exists():
            mine = self.metainfo / f"migration.{uuid.uuid4().hex}"  # whole or not at all, and of the first who begins now
            mine.write_text(f"{self.config.name}\n", encoding="utf-8")
            try:
                file.hardlink_to(mine)
            except FileExistsError:
                pass
            except OSError:  # a file system without links: of the last who begins now
                mine.replace(file)
            finally:
                mine.unlink(missing_ok=True)
        return file.read_text(encoding="utf-8").strip()

    def _unusable(self, why: str) -> ConfigError:
        return self.config.error(
            f"the directory {self.path} cannot be used: {why}",
            key="export_dir",
            next_step="create it, or give its owner to the user who runs the migration",
        )

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def schema(self) -> Path:
        return self.path / "schema"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def metainfo(self) -> Path:
        return self.path / "metainfo"

    @property
    def names(self) -> Path:
        """The map from an Oracle source's names to the target's, beside the rest of what the schema was made from."""
        return self.metainfo / "schema" / "names.json"

    @property
    def temp(self) -> Path:
        return self.path / "temp"

    @property
    def logs(self) -> Path:
        return self.path / "logs"


def _no_resolver(conn_id: str) -> str:
    raise ConfigError(
        f"the Airflow connection {conn_id!r} cannot be looked up here",
        key="conn_id",
        next_step="give url: in the configuration, or run inside Airflow",
    )


class Migration:
    """Opened from a configuration; opening creates the export directory and the state, and connects to nothing else."""

    def __init__(self, config: MigrationConfig, resolver: Resolver = _no_resolver) -> None:
        self.config = config
        self.name = config.name
        self.export_dir = ExportDirectory(config)
        self._resolver = resolver

    @classmethod
    def load(cls, path: Path | str, resolver: Resolver = _no_resolver) -> Migration:
        """From a YAML file. Raises ConfigError; touches nothing."""
        return cls(load_config(path), resolver)

    @cached_property
    def state(self) -> State:
        """The migration's records; created on first use together with the export directory."""
        self.export_dir.create()
        url = self.config.state.url
        return State.open(self.name, directory=self.export_dir.metainfo, url=url.get_secret_value() if url else None)

    @cached_property
    def source(self) -> Database:
        found = self._database(self.config.source, Side.SOURCE)
        if self.config.changes.capture == "triggers" and found.kind != "oracle":  # by conn_id: of a URL the file itself tells
            raise self.config.error(
                f"capture: triggers is for an Oracle source, and {found.where} is none",
                key="changes.capture",
                next_step="leave changes.capture out: PostgreSQL's changes come from its replication slot",
            )
        return found

    @cached_property
    def target(self) -> PostgresDatabase:
        found = self._database(self.config.target, Side.TARGET)
        if found.kind == "oracle":
            raise self.config.error(
                "Oracle cannot be a target",
                key="target",
                next_step="give a PostgreSQL or YugabyteDB database",
            )
        return postgres(found)

    def database(self, side: Side) -> Database:
        return self.source if side is Side.SOURCE else self.target

    def _database(self, config: DatabaseConfig, side: Side) -> Database:
        url = config.url.get_secret_value() if config.url is not None else self._resolved(config.conn_id or "", side)
        found = database_from_url(url, side=side, migration=self.name)
        if found.kind != "oracle":
            return found
        from voyager_ops.databases.oracle.database import oracle  # with its driver, only where one is used

        return replace(oracle(found), overrides=self.config.types.overrides(self.config.names.naming(self.export_dir.names)))

    def _resolved(self, conn_id: str, side: Side) -> str:
        try:
            return self._resolver(conn_id)
        except ConfigError as error:  # the resolver knows the connection, not where the file names it
            raise self.config.error(error.reason, key=f"{side}.conn_id", next_step=error.next_step) from None

    @property
    def names(self) -> NameMap:
        renamed = self.config.target.schema_name
        return NameMap({self.source_schemas[0]: renamed} if renamed else {})

    @property
    def source_schemas(self) -> tuple[str, ...]:
        """As the model names them: Oracle's ``HR`` is ``hr``, however the configuration writes it."""
        return engine_of(self.source).schema_names(self.config.source.schemas)

    @property
    def target_schemas(self) -> tuple[str, ...]:
        return tuple(self.names.schemas.get(schema, schema) for schema in self.source_schemas)

    def schemas(self, side: Side) -> tuple[str, ...]:
        return self.source_schemas if side is Side.SOURCE else self.target_schemas

    # -- the frozen list of tables ---------------------------------------------------------------------------------
    def read_catalog(self, side: Side) -> tuple[Table, ...]:
        """The migrated tables as ``side``'s catalog has them now (the target's: those whose source name is migrated)."""
        include, exclude = self.config.tables.include, self.config.tables.exclude
        database = self.database(side)
        if side is Side.SOURCE:
            return tuple(engine_of(database).read_tables(database, self.source_schemas, include, exclude))
        wanted = {self.names.to_target(table.name) for table in self.baseline(Side.SOURCE)}
        found = engine_of(database).read_tables(database, self.target_schemas)
        return tuple(table for table in found if table.name in wanted)

    def baseline(self, side: Side) -> tuple[Table, ...]:
        """The tables as they were when the lane that captures on ``side`` was prepared; frozen from then on, read live before."""
        saved = self.state.get(f"baseline/{side}")
        if saved is None:
            return self.read_catalog(side)
        return tuple(table_from_json(item) for item in saved)

    def freeze_baseline(self, side: Side, *, anew: bool = False) -> tuple[Table, ...]:
        """Read and record the tables of ``side`` unless that was done before (``anew``: even so, while no lane relies on it).

        Raises PreconditionError when there are none.
        """
        if anew or self.state.get(f"baseline/{side}") is None:
            tables = self.read_catalog(side)
            if side is Side.SOURCE:
                self.refuse_other_names(tables)
            if not tables:
                raise PreconditionError(
                    f"no table to migrate on the {side} (schemas {', '.join(self.schemas(side))})",
                    state="nothing was changed",
                    next_step="mend source.schemas and tables.include/exclude, or import the schema first",
                )
            self.state.put(f"baseline/{side}", [table_to_json(table) for table in tables])
        return self.baseline(side)

    def refuse_other_names(self, tables: Sequence[Table]) -> None:
        """Raise PreconditionError where the source's ``tables`` are not those that the map of names is of. An Oracle's only."""
        if self.source.kind != "oracle":
            return
        from voyager_ops.databases.oracle.database import oracle
        from voyager_ops.databases.oracle.name_map import AGAIN

        include, exclude = self.config.tables.include, self.config.tables.exclude

        def chosen(name: QName, native: QName) -> bool:
            wanted = matches(name, include) or matches(native, include)
            return wanted and not (matches(name, exclude) or matches(native, exclude))

        found = oracle(self.source).overrides.naming.disagreement(tables, chosen)
        if found:
            raise PreconditionError(
                f"the map of names does not fit the source: {found}",
                state="nothing was changed",
                next_step=f"{AGAIN}; or leave the tables out (tables.exclude)",
            )

    @property
    def can_fall_back(self) -> bool:
        """Whether changes of the target can be applied to this source."""
        return self.source.kind != "oracle"

    def refuse_fall_back(self) -> None:
        """Raise PreconditionError where there cannot be a fallback lane."""
        if not self.can_fall_back:
            raise PreconditionError(
                f"there is no fall-back to an Oracle source yet ({self.source.where})",
                state="nothing was changed",
                next_step="set cutover.prepare_for_fall_back: false in the configuration (for once: --no-prepare-for-fall-back,"
                " in Airflow the Param prepare_for_fall_back: no); after the cutover there is no way back then",
            )

    def wants_fall_back(self, asked: bool | None = None) -> bool:
        """Whether the way back is prepared: as ``asked`` for, else as the configuration says."""
        return self.config.cutover.prepare_for_fall_back if asked is None else asked

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Those that this migration can have."""
        return tuple(Lane) if self.can_fall_back else (Lane.FORWARD,)

    def lane(self, lane: Lane) -> LaneContext:
        """What the loops of ``lane`` are given. Raises PreconditionError for the fallback lane of an Oracle source."""
        if lane is Lane.FALLBACK:
            self.refuse_fall_back()
        capture, apply = (Side.SOURCE, Side.TARGET) if lane is Lane.FORWARD else (Side.TARGET, Side.SOURCE)
        return LaneContext(
            self.name,
            lane,
            self.database(capture),
            postgres(self.database(apply)),
            self.baseline(capture),
            self.names,
            self.state,
            self.export_dir.data,
            self.config.changes,
        )
