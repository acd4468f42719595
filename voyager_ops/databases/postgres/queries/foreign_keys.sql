-- Foreign keys of or to the tables in oids:
-- oid, parent's oid (0: none), schema, table, name, definition, validated, comment, on a partitioned table, states of its internal triggers.
SELECT
    k.oid::int8,
    k.conparentid::int8,
    n.nspname,
    c.relname,
    k.conname,
    pg_get_constraintdef(k.oid),
    k.convalidated,
    obj_description(k.oid, 'pg_constraint'),
    c.relkind = 'p',
    coalesce((SELECT string_agg(DISTINCT t.tgenabled::text, '') FROM pg_trigger t WHERE t.tgconstraint = k.oid), '')
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint p ON p.oid = k.conparentid
WHERE k.contype = 'f'
  AND (k.conrelid = ANY (%(oids)s::oid[]) OR k.confrelid = ANY (%(oids)s::oid[]))
  -- The copies that stand for each partition of the referenced table are on the same table as their parent.
  AND (k.conparentid = 0 OR p.conrelid <> k.conrelid)
ORDER BY 3, 4, 5
