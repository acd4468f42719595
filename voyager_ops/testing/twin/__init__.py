"""The sample shop as an Oracle schema has it, with rows, and an application that runs on it and on what becomes of it."""

from __future__ import annotations

from importlib.resources import files
from itertools import islice

from voyager_ops.testing.twin.rows import rows
from voyager_ops.testing.twin.samples import SAMPLES, insert, sample_rows
from voyager_ops.testing.twin.sessions import SCHEMA, OracleSession

__all__ = ["SCHEMA", "load_samples", "load_twin"]

BATCH = 2000


def load_twin(url: str, scale: float = 1.0) -> int:
    """Create the twin in the (empty) schema of the user at ``url`` (``oracle://``), and fill it; returns the rows made.

    ``scale`` 1.0 makes some 120,000 rows. The rows are a function of ``scale`` and, for the samples of types, of what Oracle's
    release has. MAX_STRING_SIZE must be EXTENDED. Raises oracledb.Error.
    """
    made = 0
    session = OracleSession(url)
    connection = session.connection
    try:
        _run(session, "1_tables.sql")
        with connection.cursor() as cursor:
            for table in rows(scale):
                cursor.setinputsizes(*table.columns.values())
                remaining = table.all()
                while batch := list(islice(remaining, BATCH)):
                    cursor.executemany(table.statement, batch)
                    made += len(batch)
                connection.commit()
        made += _load_samples(session, scale)
        _run(session, "2_rules.sql")
    finally:
        session.close()
    return made


def load_samples(url: str, scale: float = 1.0) -> int:
    """As :func:`load_twin`, but only the tables of all types."""
    session = OracleSession(url)
    try:
        return _load_samples(session, scale)
    finally:
        session.close()


def _load_samples(session: OracleSession, scale: float) -> int:
    _run(session, "samples.sql")
    if int(session.connection.version.partition(".")[0]) >= 23:
        _run(session, "samples_23ai.sql")
    made = 0
    for table in filter(session.has, SAMPLES):
        made += sum(insert(session, table, values) for values in sample_rows(table, scale))
        session.commit()
    return made


def _run(session: OracleSession, script: str) -> None:
    with session.connection.cursor() as cursor:
        for statement in statements(files(__name__).joinpath(script).read_text(encoding="utf-8")):
            cursor.execute(statement)


def statements(script: str) -> list[str]:
    """Those of a script whose statements end with a line that holds a slash only; lines of comment between them go."""
    parts = [part.strip() for part in script.split("\n/\n")]
    return ["\n".join(line for line in part.splitlines() if not line.startswith("--")) for part in parts if part]
