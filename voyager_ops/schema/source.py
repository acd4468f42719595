"""What the export must know of the source beyond the dump: which schemas exist, and what is not to come along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from voyager_ops.errors import PreconditionError
from voyager_ops.schema.names import Name

_SCHEMAS = """
SELECT n.nspname,
       EXISTS (SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'),
       EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extnamespace = n.oid)
FROM pg_catalog.pg_namespace n
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY n.nspname
"""
# Objects of a schema that comes along only because extensions live in it.
_OBJECTS = """
SELECT n.nspname, o.name
FROM (SELECT relnamespace AS ns, relname AS name, oid, 'pg_catalog.pg_class'::regclass AS class FROM pg_catalog.pg_class
      UNION ALL
      SELECT pronamespace, proname, oid, 'pg_catalog.pg_proc'::regclass FROM pg_catalog.pg_proc
      UNION ALL
      SELECT typnamespace, typname, oid, 'pg_catalog.pg_type'::regclass FROM pg_catalog.pg_type
      WHERE typelem = 0 OR typtype <> 'b') o
JOIN pg_catalog.pg_namespace n ON n.oid = o.ns
WHERE n.nspname = ANY(%s)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('e', 'i'))
"""
_UNPOPULATED = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
"""

_CHILDREN_OUTSIDE = """
SELECT pn.nspname, p.relname, cn.nspname, c.relname
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
WHERE p.relkind IN ('r', 'p') AND pn.nspname = ANY(%(schemas)s) AND NOT cn.nspname = ANY(%(schemas)s)
ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class SourceFacts:
    """``schemas``: migrated; ``extension_schemas``: not migrated, but home to extensions; ``extension_made_schemas``: made by
    CREATE EXTENSION itself; ``outside_schemas``: the rest.

    ``outside_objects``: objects of ``extension_schemas`` that no extension owns. ``version``: major version of the server.
    """

    version: int
    schemas: tuple[str, ...]
    outside_schemas: tuple[str, ...] = ()
    extension_schemas: tuple[str, ...] = ()
    extension_made_schemas: tuple[str, ...] = ()
    outside_objects: frozenset[Name] = frozenset()
    unpopulated: frozenset[Name] = frozenset()
    children_outside: tuple[tuple[Name, Name], ...] = ()
    """(parent, child): tables whose partitions or heirs live in a schema that is not migrated."""

    @property
    def other_schemas(self) -> tuple[str, ...]:
        """All schemas that are not migrated."""
        return (*self.outside_schemas, *self.extension_schemas, *self.extension_made_schemas)


def read_source(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> SourceFacts:
    """Raises PreconditionError when one of ``schemas`` does not exist or none is given."""
    rows = connection.execute(_SCHEMAS).fetchall()
    existing = {row[0] for row in rows}
    missing = [name for name in schemas if name not in existing]
    if missing or not schemas:
        raise PreconditionError(
            f"the source has no schema {', '.join(missing)}" if missing else "no source schema is named",
            state="nothing has been exported",
            next_step=f"name the schemas to migrate in the configuration; the source has: {', '.join(sorted(existing))}",
        )
    others = [row for row in rows if row[0] not in schemas]
    # A schema that an extension made itself (topology, cron) is made again by CREATE EXTENSION.
    homes = tuple(name for name, of_extension, home in others if home and not of_extension)
    made = {name for name, of_extension, _ in others if of_extension}
    outside = tuple(name for name, _, _ in others if name not in homes and name not in made)
    objects = connection.execute(_OBJECTS, [list(homes)]).fetchall() if homes else []
    unpopulated = connection.execute(_UNPOPULATED).fetchall()
    children = connection.execute(_CHILDREN_OUTSIDE, {"schemas": list(schemas)}).fetchall()
    return SourceFacts(
        version=connection.info.server_version // 10000,
        schemas=tuple(dict.fromkeys(schemas)),
        outside_schemas=outside,
        extension_schemas=homes,
        extension_made_schemas=tuple(sorted(made)),
        outside_objects=frozenset((row[0], row[1]) for row in objects),
        unpopulated=frozenset((row[0], row[1]) for row in unpopulated),
        children_outside=tuple(((row[0], row[1]), (row[2], row[3])) for row in children),
    )
