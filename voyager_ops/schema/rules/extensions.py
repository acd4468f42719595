"""Extensions that a YugabyteDB server does not ship."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from voyager_ops.schema.rules.base import Check, Hit, SchemaModel, Subject

# Those that YugabyteDB's documentation lists as bundled with its PostgreSQL 15 based versions.
SUPPORTED = frozenset(
    {
        *("address_standardizer", "anon", "auto_explain", "autoinc", "citext", "cube", "dblink", "earthdistance"),
        *("file_fdw", "fuzzystrmatch", "hll", "hstore", "hypopg", "insert_username", "intarray", "isn", "lo_manage"),
        *("moddatetime", "orafce", "passwordcheck", "pg_cron", "pg_hint_plan", "pg_parquet", "pg_partman"),
        *("pg_stat_monitor", "pg_stat_statements", "pg_trgm", "pgaudit", "pgcrypto", "pgjwt", "pgmq", "pgrowlocks"),
        *("pgsql-http", "http", "pgtap", "plpgsql", "postgres_fdw", "refint", "seg", "semver", "sslinfo", "tablefunc"),
        *("timetravel", "tcn", "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp", "vector"),
        *("yb_pg_metrics", "yb_test_extension"),
    }
)


def check_extension(model: SchemaModel, subject: Subject) -> Iterator[Hit]:
    if isinstance(subject.node, ast.CreateExtensionStmt) and subject.node.extname not in SUPPORTED:
        yield Hit("UNSUPPORTED_EXTENSION", str(subject.node.extname))


CHECKS: tuple[Check, ...] = (check_extension,)
