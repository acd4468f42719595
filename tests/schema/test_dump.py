from __future__ import annotations

import stat
from pathlib import Path

import pytest

from voyager_ops.errors import PreconditionError, SchemaError
from voyager_ops.schema.dump import dump, environment, find_pg_dump, pattern


def _fake(directory: Path, version: str, body: str = "") -> Path:
    """A program that says it is pg_dump ``version`` and otherwise runs ``body``."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "pg_dump"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) {version}"; exit; fi\n{body}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_the_lowest_version_that_is_not_older_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = [_fake(tmp_path / name, name) for name in ("18.1", "16.3", "17beta1", "14.2")]
    monkeypatch.setattr("voyager_ops.schema.dump._candidates", lambda: programs)
    assert find_pg_dump(15) == programs[1]
    assert find_pg_dump(17) == programs[2]
    assert find_pg_dump(14) == programs[3]
    with pytest.raises(PreconditionError, match=r"No pg_dump of version 19 .*version 18"):
        find_pg_dump(19)


def test_an_explicit_program_that_is_too_old_is_refused(tmp_path: Path) -> None:
    program = _fake(tmp_path, "15.2")
    assert find_pg_dump(15, program) == program
    with pytest.raises(PreconditionError, match="version 16 or newer"):
        find_pg_dump(16, program)
    with pytest.raises(PreconditionError, match="none that runs"):
        find_pg_dump(16, tmp_path / "missing")


def test_the_password_is_in_the_environment_only(tmp_path: Path) -> None:
    program = _fake(tmp_path, "18", 'echo "$@" >&2; env >&2; exit 1')
    with pytest.raises(SchemaError) as failure:
        dump("postgresql://joe:s3cr%2Ft@localhost:1/shop", program=program, exclude_schemas=['od"d'], exclude_tables=[("s", "t")])
    said = str(failure.value)
    assert "s3cr/t" not in said
    assert "PGPASSWORD=***" in said
    assert "PGDATABASE=shop" in said
    assert '--exclude-schema="od""d"' in said
    assert '--exclude-table="s"."t"' in said


def test_environment_maps_what_libpq_knows() -> None:
    found = environment("host=h port=5 dbname=d user=u passfile=/p sslmode=verify-full sslrootcert=/c")
    assert (found["PGHOST"], found["PGPORT"], found["PGSSLMODE"], found["PGPASSFILE"]) == ("h", "5", "verify-full", "/p")


def test_patterns_are_exact() -> None:
    assert pattern("a.b", 'c"*d') == '"a.b"."c""*d"'
