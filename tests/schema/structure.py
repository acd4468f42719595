"""The structure of a database as its catalog describes it: what must be the same on both sides after a migration."""

from __future__ import annotations

from typing import Any

import psycopg

QUERIES: dict[str, str] = {
    "schemas": """
        SELECT n.nspname, obj_description(n.oid) FROM pg_namespace n WHERE n.nspname <> 'information_schema' AND n.nspname !~
        '^pg_' AND n.nspname <> 'voyager_ops'
    """,
    "relations": """
        SELECT n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
        c.reloptions, c.relispartition, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid),
        c.reloftype::regtype::text, c.relispopulated, obj_description(c.oid, 'pg_class'), ARRAY(SELECT
        inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid ORDER BY inhseqno) FROM pg_class c JOIN pg_namespace
        n ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <>
        'voyager_ops' AND c.relkind <> 't'
    """,
    "columns": """
        SELECT n.nspname, c.relname, a.attname, (SELECT count(*) FROM pg_attribute b WHERE b.attrelid = a.attrelid AND
        b.attnum <= a.attnum AND b.attnum > 0 AND NOT b.attisdropped), format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attidentity, a.attgenerated, a.attstorage, coalesce(a.attstattarget, -1), a.attislocal, a.attinhcount,
        pg_get_expr(d.adbin, d.adrelid), col.collname, col_description(c.oid, a.attnum) FROM pg_attribute a JOIN pg_class c ON
        c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND
        d.adnum = a.attnum LEFT JOIN pg_collation col ON col.oid = a.attcollation WHERE n.nspname <> 'information_schema' AND
        n.nspname !~ '^pg_' AND n.nspname <> 'voyager_ops' AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p',
        'v', 'm', 'f', 'c')
    """,
    "constraints": """
        SELECT n.nspname, coalesce(c.conrelid::regclass::text, c.contypid::regtype::text), c.conname, c.contype,
        c.convalidated, c.condeferrable, c.condeferred, c.conislocal, c.coninhcount, pg_get_constraintdef(c.oid),
        obj_description(c.oid, 'pg_constraint'), (SELECT p.conname FROM pg_constraint p WHERE p.oid = c.conparentid AND
        c.contype <> 'f') FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname <>
        'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'voyager_ops' AND c.contype IN ('c', 'p', 'u', 'x', 'n')
    """,
    "foreign keys": """
        SELECT n.nspname, c.conrelid::regclass::text, c.confrelid::regclass::text, c.convalidated, c.condeferrable,
        c.condeferred, pg_get_constraintdef(c.oid), CASE WHEN c.conparentid = 0 THEN c.conname END FROM pg_constraint c JOIN
        pg_namespace n ON n.oid = c.connamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname
        <> 'voyager_ops' AND c.contype = 'f'
    """,
    "indexes": """
        SELECT n.nspname, c.relname, pg_get_indexdef(c.oid), i.indisvalid, i.indisprimary, i.indisclustered, i.indisreplident,
        (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid) FROM pg_index i JOIN pg_class c ON c.oid =
        i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~
        '^pg_' AND n.nspname <> 'voyager_ops'
    """,
    "triggers": """
        SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid), obj_description(t.oid,
        'pg_trigger') FROM pg_trigger t WHERE NOT t.tgisinternal
    """,
    "rules": """
        SELECT r.ev_class::regclass::text, r.rulename, r.ev_enabled, pg_get_ruledef(r.oid) FROM pg_rewrite r JOIN pg_class c
        ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' AND
        n.nspname !~ '^pg_' AND n.nspname <> 'voyager_ops'
    """,
    "functions": """
        SELECT n.nspname, p.proname, p.prokind, CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
        p.proargtypes::regtype[]::text, obj_description(p.oid, 'pg_proc') FROM pg_proc p JOIN pg_namespace n ON n.oid =
        p.pronamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'voyager_ops' AND NOT
        EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
    """,
    "types": """
        SELECT n.nspname, t.typname, t.typtype, t.typnotnull, t.typdefault, format_type(t.typbasetype, t.typtypmod),
        obj_description(t.oid, 'pg_type'), ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~
        '^pg_' AND n.nspname <> 'voyager_ops'
    """,
    "sequences": """
        SELECT s.seqrelid::regclass::text, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
        s.seqcache, s.seqcycle, (SELECT d.refobjid::regclass::text || '.' || d.refobjsubid || d.deptype::text FROM pg_depend d
        WHERE d.objid = s.seqrelid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype
        IN ('a', 'i')) FROM pg_sequence s
    """,
    "policies": """
        SELECT schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies
    """,
    "statistics": """
        SELECT stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
    """,
    "extensions": """
        SELECT extname, extnamespace::regnamespace::text FROM pg_extension
    """,
    "event triggers": """
        SELECT evtname, evtevent, evtenabled, evttags FROM pg_event_trigger
    """,
    "operators": """
        SELECT n.nspname, o.oprname, o.oprleft::regtype::text, o.oprcode::text FROM pg_operator o JOIN pg_namespace n ON n.oid
        = o.oprnamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'voyager_ops'
    """,
    "casts": """
        SELECT castsource::regtype::text, casttarget::regtype::text, castcontext, castfunc::regproc::text FROM pg_cast WHERE
        oid >= 16384
    """,
    "text search": """
        SELECT c.cfgname, m.maptokentype, m.mapseqno, d.dictname FROM pg_ts_config c JOIN pg_ts_config_map m ON m.mapcfg =
        c.oid JOIN pg_ts_dict d ON d.oid = m.mapdict WHERE c.oid >= 16384
    """,
    "collations": """
        SELECT n.nspname, c.collname, c.collprovider, c.collisdeterministic FROM pg_collation c JOIN pg_namespace n ON n.oid =
        c.collnamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'voyager_ops'
    """,
}


def structure(connection: psycopg.Connection[Any], *, without: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Kind of object to its sorted descriptions."""
    found: dict[str, list[str]] = {}
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        for kind, query in QUERIES.items():
            if kind not in without:
                rows = connection.execute(query.encode()).fetchall()
                found[kind] = sorted(repr(row) for row in rows if "voyager_ops" not in repr(row))
    return found


def differences(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """What is on one side only, a line each; empty when the structures are equal."""
    lines: list[str] = []
    for kind in one:
        left, right = set(one[kind]), set(other[kind])
        lines += [f"{kind}: only first: {row}" for row in sorted(left - right)]
        lines += [f"{kind}: only second: {row}" for row in sorted(right - left)]
    return lines
