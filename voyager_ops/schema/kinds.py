"""The kinds of schema objects, the file each lives in, and the stage of the import that creates them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """When a statement runs on the target.

    ``BASE``: all that a snapshot needs. ``UNIQUE``: what would reject rows while chunks copied at different moments are not yet
    reconciled (secondary unique and exclusion constraints), built at the seam point. ``POST``: what only slows a load down
    or must not fire during it. ``ADVICE``: never run by us; kept for the reader.
    """

    BASE = "base"
    UNIQUE = "unique"
    POST = "post"
    ADVICE = "advice"


IMPORT_STAGES = (Stage.BASE, Stage.UNIQUE, Stage.POST)


@dataclass(frozen=True)
class KindInfo:
    """``directory``/``file`` below the schema directory, and the stage."""

    stage: Stage
    directory: str
    file: str

    @property
    def path(self) -> str:
        return f"{self.directory}/{self.file}"


class Kind(StrEnum):
    """The type of a statement; the order of the members is the order in which their files are imported within a stage."""

    SCHEMA = "schema"
    EXTENSION = "extension"
    LANGUAGE = "language"
    ACCESS_METHOD = "access_method"
    COLLATION = "collation"
    TYPE = "type"
    DOMAIN = "domain"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    AGGREGATE = "aggregate"
    OPERATOR = "operator"
    OPERATOR_CLASS = "operator_class"
    CAST = "cast"
    CONVERSION = "conversion"
    TRANSFORM = "transform"
    TEXT_SEARCH = "text_search"
    FOREIGN_SERVER = "foreign_server"
    SEQUENCE = "sequence"
    TABLE = "table"
    PARTITION = "partition"
    FOREIGN_TABLE = "foreign_table"
    CONSTRAINT = "constraint"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized_view"
    OTHER = "other"
    COMMENT = "comment"

    UNIQUE_CONSTRAINT = "unique_constraint"
    UNIQUE_INDEX = "unique_index"
    EXCLUSION_CONSTRAINT = "exclusion_constraint"

    FUNCTION_POST = "function_post"
    INDEX = "index"
    CONSTRAINT_NOT_VALID = "constraint_not_valid"
    FOREIGN_KEY = "foreign_key"
    REPLICA_IDENTITY = "replica_identity"
    CLUSTER = "cluster"
    STATISTICS = "statistics"
    MATERIALIZED_VIEW_REFRESH = "materialized_view_refresh"
    TRIGGER = "trigger"
    RULE = "rule"
    POLICY = "policy"
    COMMENT_POST = "comment_post"
    EVENT_TRIGGER = "event_trigger"

    GRANT = "grant"
    PLSQL = "plsql"
    OMITTED = "omitted"

    @property
    def info(self) -> KindInfo:
        return KINDS[self]

    @property
    def stage(self) -> Stage:
        return KINDS[self].stage


def _plural(word: str) -> str:
    if word in {"statistics", "text_search", "omitted"}:
        return word
    if word.endswith(("ss", "sh", "x")):
        return word + "es"
    if word.endswith("y") and not word.endswith("ey"):
        return word[:-1] + "ies"
    return word + "s"


_UNIQUE = {Kind.UNIQUE_CONSTRAINT, Kind.UNIQUE_INDEX, Kind.EXCLUSION_CONSTRAINT}
_POST = {
    Kind.FUNCTION_POST,
    Kind.INDEX,
    Kind.CONSTRAINT_NOT_VALID,
    Kind.FOREIGN_KEY,
    Kind.REPLICA_IDENTITY,
    Kind.CLUSTER,
    Kind.STATISTICS,
    Kind.MATERIALIZED_VIEW_REFRESH,
    Kind.TRIGGER,
    Kind.RULE,
    Kind.POLICY,
    Kind.COMMENT_POST,
    Kind.EVENT_TRIGGER,
}
_ADVICE = {Kind.GRANT, Kind.PLSQL, Kind.OMITTED}
_SHARED_DIRECTORY = {
    Kind.COMMENT_POST: "comments",
    Kind.FUNCTION_POST: "functions",
    Kind.CONSTRAINT_NOT_VALID: "constraints",
    Kind.OMITTED: "advice",
    Kind.PLSQL: "advice",
    Kind.GRANT: "advice",
}


def _stage_of(kind: Kind) -> Stage:
    if kind in _UNIQUE:
        return Stage.UNIQUE
    if kind in _POST:
        return Stage.POST
    return Stage.ADVICE if kind in _ADVICE else Stage.BASE


KINDS: dict[Kind, KindInfo] = {
    kind: KindInfo(_stage_of(kind), _SHARED_DIRECTORY.get(kind, _plural(kind.value)), f"{kind.value}.sql") for kind in Kind
}
KIND_ORDER: dict[Kind, int] = {kind: position for position, kind in enumerate(Kind)}


def kind_of_file(relative: str) -> Kind | None:
    """The kind of a file by its path below the schema directory; one that a user added is of its directory's first kind."""
    by_path = {info.path: kind for kind, info in KINDS.items()}
    if relative in by_path:
        return by_path[relative]
    directory = relative.rpartition("/")[0]
    return next((kind for kind, info in KINDS.items() if info.directory == directory), None)
