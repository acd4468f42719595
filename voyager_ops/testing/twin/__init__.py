"""The sample shop as an Oracle schema has it, with rows, and an application that runs on it and on what becomes of it."""

from __future__ import annotations

from importlib.resources import files
from itertools import islice

from voyager_ops.testing.twin.rows import rows
from voyager_ops.testing.twin.sessions import SCHEMA, connect_oracle

__all__ = ["SCHEMA", "load_twin"]

BATCH = 2000


def load_twin(url: str, scale: float = 1.0) -> int:
    """Create the twin in the (empty) schema of the user at ``url`` (``oracle://``), and fill it; returns the rows made.

    ``scale`` 1.0 makes some 120,000 rows. The rows are a function of ``scale`` alone. Raises oracledb.Error.
    """
    here = files(__name__)
    made = 0
    connection = connect_oracle(url)
    try:
        with connection.cursor() as cursor:
            for statement in statements(here.joinpath("1_tables.sql").read_text(encoding="utf-8")):
                cursor.execute(statement)
            for table in rows(scale):
                cursor.setinputsizes(*table.columns.values())
                remaining = table.all()
                while batch := list(islice(remaining, BATCH)):
                    cursor.executemany(table.statement, batch)
                    made += len(batch)
                connection.commit()
            for statement in statements(here.joinpath("2_rules.sql").read_text(encoding="utf-8")):
                cursor.execute(statement)
    finally:
        connection.close()
    return made


def statements(script: str) -> list[str]:
    """Those of a script whose statements end with a line that holds a slash only; lines of comment between them go."""
    parts = [part.strip() for part in script.split("\n/\n")]
    return ["\n".join(line for line in part.splitlines() if not line.startswith("--")) for part in parts if part]
