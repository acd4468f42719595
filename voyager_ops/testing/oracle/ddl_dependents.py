"""The views over a table, when a column of it changes: PostgreSQL lets no column change that a view shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from voyager_ops.testing.oracle import dictionary as dd
from voyager_ops.testing.oracle.ddl_context import Context, relation

# Views, views over those, and so on; the ones that need others last. Of one column only, where ``column`` is given.
_VIEWS = """
WITH RECURSIVE d(oid, depth) AS (
  SELECT r.ev_class, 1 FROM pg_depend p JOIN pg_rewrite r ON r.oid = p.objid
   WHERE p.classid = 'pg_rewrite'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = %(table)s AND r.ev_class <> %(table)s
     AND (%(column)s::text IS NULL OR p.refobjsubid IN (SELECT attnum FROM pg_attribute WHERE attrelid = %(table)s AND attname = %(column)s))
  UNION
  SELECT r.ev_class, d.depth + 1 FROM d JOIN pg_depend p ON p.refobjid = d.oid AND p.refclassid = 'pg_class'::regclass
    JOIN pg_rewrite r ON r.oid = p.objid WHERE p.classid = 'pg_rewrite'::regclass AND r.ev_class <> d.oid)
SELECT n.nspname::text, c.relname::text, pg_get_viewdef(c.oid) FROM (SELECT oid, max(depth) AS depth FROM d GROUP BY oid) d
  JOIN pg_class c ON c.oid = d.oid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' ORDER BY d.depth
"""  # noqa: E501 - a query


@contextlib.contextmanager
def without_views(context: Context, owner: str, table: str) -> Iterator[None]:
    """Within the block there are no views over the table; afterwards they are what they were."""
    views = context.connection.execute(_VIEWS, {"table": context.oid(owner, table), "column": None}).fetchall()
    for schema, name, _ in reversed(views):
        context.run(f"DROP VIEW {relation(schema, name)}")
    yield
    for schema, name, query in views:
        context.run(f"CREATE VIEW {relation(schema, name)} AS {query}")


def invalidate_views(context: Context, owner: str, table: str, column: str) -> None:
    """The column goes: views that show it stay in the dictionary, and are ORA-04063 from now on."""
    views = context.connection.execute(_VIEWS, {"table": context.oid(owner, table), "column": column}).fetchall()
    for schema, name, _ in reversed(views):
        context.run(f"DROP VIEW {relation(schema, name)}")
        dd.update(context.connection, "OBJECTS", {"OWNER": schema, "OBJECT_NAME": name, "OBJECT_TYPE": "VIEW"}, STATUS="INVALID")
