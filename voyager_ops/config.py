"""A migration's configuration: one frozen model, validated as a whole. ``config_file`` reads it from YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from voyager_ops.databases.oracle.name_map import Naming
from voyager_ops.databases.oracle.names import LONGEST_ON_TARGET, too_long
from voyager_ops.databases.oracle.overrides import SKIP, Overrides, check_column_key, check_table_key, type_key
from voyager_ops.databases.oracle.targets import parse_target
from voyager_ops.databases.oracle.types import OracleType, target_type
from voyager_ops.databases.postgres import address
from voyager_ops.errors import ConfigError

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}
_TIMES = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _size(value: object) -> object:
    """``128MB`` to bytes."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", value)
    if not found or found[2].lower() not in _UNITS:
        raise ValueError("a size such as 64MB or 2GB is wanted")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def _seconds(value: object) -> object:
    """``1.5s``, ``10m`` to seconds."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", value)
    if not found or found[2].lower() not in _TIMES:
        raise ValueError("a duration such as 500ms, 30s, 10m or 2h is wanted")
    return float(found[1]) * _TIMES[found[2].lower()]


Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class DatabaseConfig(_Model):
    """Where a database is: an Airflow connection, or a URL. Exactly one of the two."""

    conn_id: str | None = None
    url: SecretStr | None = None

    @model_validator(mode="after")
    def _one_way(self) -> DatabaseConfig:
        if (self.conn_id is None) == (self.url is None):
            raise ValueError("give exactly one of conn_id (an Airflow connection) and url")
        if self.url is not None and _scheme(self.url) not in self._SCHEMES:
            raise ValueError(f"url must begin with {self._SCHEMES_IN_WORDS}")
        return self

    @field_validator("url")
    @classmethod
    def _can_be_read(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _scheme(value) in address.SCHEMES:
            try:
                address.parse_url(value.get_secret_value())
            except ConfigError as error:
                raise ValueError(f"{error.reason} ({error.next_step})") from None
        return value

    _SCHEMES: ClassVar[frozenset[str]] = address.SCHEMES
    _SCHEMES_IN_WORDS: ClassVar[str] = "postgresql:// or yugabytedb://"


class SourceConfig(DatabaseConfig):
    _SCHEMES: ClassVar[frozenset[str]] = DatabaseConfig._SCHEMES | {"oracle"}
    _SCHEMES_IN_WORDS: ClassVar[str] = "oracle://, postgresql:// or yugabytedb://"

    schemas: tuple[str, ...] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _instance_named_once(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().startswith("oracle:"):
            from voyager_ops.databases.oracle.address import parse_url  # with its driver, only where one is used

            try:
                parse_url(value.get_secret_value())
            except ConfigError as error:
                raise ValueError(f"{error.reason} ({error.next_step})" if error.next_step else error.reason) from None
        return value


class TargetConfig(DatabaseConfig):
    schema_name: str | None = Field(default=None, alias="schema")
    """Where a single source schema goes under another name."""


class TablesConfig(_Model):
    """Globs; a pattern with a dot is held against ``schema.table``, else against the table's name."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class SnapshotConfig(_Model):
    parallelism: int = Field(default=4, ge=1, le=64)
    """Chunks copied at once by one process."""
    bins: int = Field(default=4, ge=1, le=1024)
    """Mapped Airflow tasks the chunks are spread over (Airflow's own map limit is 1,024)."""
    chunk_size: Size = 128 << 20
    """Bytes of the table on disk per chunk."""
    format: Literal["auto", "binary", "text"] = "auto"
    """auto: binary where both servers agree on every type of the table, else text."""
    build_keys_from: Size = 32 << 20
    """Empty tables of the target with at least as many bytes to come get their primary key when the rows are there."""


class ChangesConfig(_Model):
    segment_size: Size = 16 << 20
    segment_age: Seconds = 0.2
    """A segment with something in it is published after this long at most."""
    compression: Literal["none", "zstd"] = "none"
    batch_changes: int = Field(default=40_000, ge=1, le=1_000_000)
    """Changes folded into one target transaction, more only for a single larger source transaction."""
    apply_parallelism: int = Field(default=1, ge=1, le=64)
    """Connections a batch is spread over by key. More than one: readers of the target may see a batch half applied (I2)."""
    on_error: Literal["stop", "quarantine"] = "stop"
    heartbeat: Seconds = 5.0
    """How often capture writes a row on its own database, so that an idle stream still moves and its lag is known."""
    disk_reserve: Size = 512 << 20
    """Capture stops before the export directory's file system has less than this free."""
    archive_to: Path | None = None
    capture: Literal["logminer", "triggers"] = "logminer"
    """How changes of an Oracle source are captured: from its redo, or, where nobody gives us rights to that, by triggers."""


def _type_key(key: str) -> str:
    type_key(key)
    return key


def _table_key(key: str) -> str:
    check_table_key(key)
    return key


def _column_key(key: str) -> str:
    check_column_key(key)
    return key


def _target(wanted: str) -> str:
    if parse_target(wanted) is None:
        raise ValueError(f"{wanted!r} is not a type that Oracle's values can become")
    return wanted


def _target_or_skip(wanted: str) -> str:
    return wanted if wanted == SKIP else _target(wanted)


def _target_name(value: str) -> str:
    if not value or "\0" in value:
        raise ValueError(f"{value!r} cannot be a name on the target")
    if too_long(value):
        raise ValueError(f"{value!r} is longer than {LONGEST_ON_TARGET} bytes, which PostgreSQL would cut off")
    return value


_TypeKey = Annotated[str, AfterValidator(_type_key)]
_TableKey = Annotated[str, AfterValidator(_table_key)]
_ColumnKey = Annotated[str, AfterValidator(_column_key)]
_Target = Annotated[str, AfterValidator(_target)]
_TargetName = Annotated[str, AfterValidator(_target_name)]
_TargetOrSkip = Annotated[str, AfterValidator(_target_or_skip)]


def _fitting(by_type: Mapping[str, str], place: str = "") -> Mapping[str, str]:
    """The same. Raises ValueError, beginning with ``place``, for a type that cannot become what is wanted."""
    for key, wanted in by_type.items():
        try:
            target_type(OracleType.parse(key), override=wanted)
        except ConfigError as error:
            raise ValueError(place + error.reason + (f" ({error.next_step})" if error.next_step else "")) from None
    return by_type


class TypesConfig(_Model):
    """Types of an Oracle source that shall become others than the table of types says.

    Keys of ``by_type`` are Oracle's spellings (``NUMBER(10,0)``, ``DATE``), of ``by_column`` ``OWNER.TABLE.COLUMN``; the values
    are PostgreSQL types, or in ``by_column`` ``skip``: the column is left out. ``by_table`` has what ``by_type`` has for each
    ``OWNER.TABLE``. What is said of the column goes before the table's, that before the type's.
    """

    by_type: Mapping[_TypeKey, _Target] = Field(default_factory=dict)
    by_table: Mapping[_TableKey, Mapping[_TypeKey, _Target]] = Field(default_factory=dict)
    by_column: Mapping[_ColumnKey, _TargetOrSkip] = Field(default_factory=dict)
    nul_characters: Literal["refuse", "remove", "replace"] = "refuse"
    """PostgreSQL's text cannot hold the character 0. replace: by its symbol, U+2400."""

    @field_validator("by_type")
    @classmethod
    def _types(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return _fitting(value)

    @field_validator("by_table")
    @classmethod
    def _tables(cls, value: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
        for table, by_type in value.items():
            _fitting(by_type, f"{table}: ")
        return value

    def overrides(self, naming: Naming | None = None) -> Overrides:
        """As Oracle's catalog and schema conversion take them."""
        return Overrides(self.by_type, self.by_table, self.by_column, self.nul_characters, naming or Naming())


class NamesConfig(_Model):
    """Names on the target that tables, views, sequences, types, and columns of an Oracle source shall have.

    Keys are ``OWNER.NAME`` and ``OWNER.TABLE.COLUMN``, exactly as Oracle's dictionary spells them."""

    by_object: Mapping[_TableKey, _TargetName] = Field(default_factory=dict)
    by_column: Mapping[_ColumnKey, _TargetName] = Field(default_factory=dict)

    def naming(self, file: Path) -> Naming:
        """As Oracle's catalog and schema conversion take them. ``file``: where the map is kept."""
        return Naming(self.by_object, self.by_column, file)


class SchemaConfig(_Model):
    """How an Oracle schema is converted."""

    plsql: Literal["keep", "ora2pg"] = "keep"
    """keep: original text as a comment, listed as work to do. ora2pg: converted by that program, where it is installed."""
    try_on_target: bool = False
    """Run the statements on the target in a transaction that is rolled back; what it refuses is left out and named."""


class CutoverConfig(_Model):
    quiesce: Literal["manual", "enforce"] = "manual"
    lag_events: int = Field(default=1000, ge=0)
    lag_seconds: Seconds = 10.0
    lag_readings: int = Field(default=3, ge=1)
    """The gate: so many consecutive readings at or below both figures."""
    deadline: Seconds = 300.0
    """Write-stop longer than this (before the point of no return) is undone."""
    sequence_headroom: int = Field(default=1000, ge=0)
    verification_max_age: Seconds = 86400.0
    prepare_for_fall_back: bool = True


class StateConfig(_Model):
    url: SecretStr | None = None
    """A PostgreSQL URL for the migration's own records; default: SQLite in the export directory."""

    @field_validator("url")
    @classmethod
    def _of_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _scheme(value) not in {"postgresql", "postgres", "postgresql+psycopg"}:
            raise ValueError("url must begin with postgresql://")
        return value


@dataclass(frozen=True)
class Origin:
    """The file a configuration was read from, and the line of each of its keys."""

    file: str = ""
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, key: str) -> int | None:
        """The 1-based line of the dotted ``key``; None when the configuration does not come from a file."""
        return self.lines.get(tuple(key.split(".")))


class MigrationConfig(_Model):
    """A whole migration, as its YAML file describes it."""

    name: str
    export_dir: Path
    source: SourceConfig
    target: TargetConfig
    approvers: tuple[str, ...] = ()
    tables: TablesConfig = TablesConfig()
    snapshot: SnapshotConfig = SnapshotConfig()
    changes: ChangesConfig = ChangesConfig()
    cutover: CutoverConfig = CutoverConfig()
    types: TypesConfig = TypesConfig()
    names: NamesConfig = NamesConfig()
    schema_conversion: SchemaConfig = Field(default=SchemaConfig(), alias="schema")
    state: StateConfig = StateConfig()

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not NAME_PATTERN.fullmatch(value):
            raise ValueError("lower-case letters, digits and underscores, beginning with a letter, at most 40 characters")
        return value

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @field_validator("target")
    @classmethod
    def _target_fits_source(cls, value: TargetConfig, info: ValidationInfo) -> TargetConfig:
        source: SourceConfig | None = info.data.get("source")  # None: the source is wrong itself
        if source is None:
            return value
        if value.schema_name is not None and len(source.schemas) != 1:
            raise ValueError("target.schema renames a single source schema; source.schemas lists several")
        if _same_database(source, value):
            raise ValueError("source and target are the same database")
        return value

    @field_validator("changes")
    @classmethod
    def _capture_fits_source(cls, value: ChangesConfig, info: ValidationInfo) -> ChangesConfig:
        source: SourceConfig | None = info.data.get("source")  # None: the source is wrong itself
        url = source.url if source is not None else None
        if value.capture == "triggers" and url is not None and _scheme(url) in address.SCHEMES:
            raise ValueError("capture: triggers is for an Oracle source; PostgreSQL's changes come from its replication slot")
        return value

    def error(self, what: str, *, key: str, next_step: str = "") -> ConfigError:
        """A mistake that shows only in use (a directory, a connection), told like any other: with the file and the key's line."""
        return ConfigError(what, key=key, line=self._origin.line(key), file=self._origin.file, next_step=next_step)


def _scheme(url: SecretStr) -> str:
    return url.get_secret_value().partition("://")[0]


def _address(database: DatabaseConfig) -> tuple[object, ...]:
    if database.conn_id is not None:
        return ("conn_id", database.conn_id)
    assert database.url is not None
    if _scheme(database.url) not in address.SCHEMES:
        return ("url", database.url.get_secret_value())  # Oracle's: never the target's
    parts = address.parse_url(database.url.get_secret_value())
    return (
        "url",
        str(parts.get("host") or "").lower(),
        parts.get("hostaddr"),
        str(parts.get("port") or 5432),
        parts.get("dbname") or parts.get("user"),
    )


def _same_database(source: DatabaseConfig, target: DatabaseConfig) -> bool:
    return _address(source) == _address(target)
