-- Triggers that users made (before PostgreSQL 13 their copies on partitions are marked internal, but belong to no constraint) and rules
-- of the tables in oids: kind, schema, table, name, state letter.
SELECT 'trigger', n.nspname, c.relname, t.tgname, t.tgenabled::text
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgrelid = ANY (%(oids)s::oid[])
  AND (NOT t.tgisinternal OR t.tgconstraint = 0)
  AND t.tgname <> %(fence)s
UNION ALL
SELECT 'rule', n.nspname, c.relname, r.rulename, r.ev_enabled::text
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.ev_class = ANY (%(oids)s::oid[])
ORDER BY 1, 2, 3, 4
