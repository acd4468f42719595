-- Tables named by two parallel arrays (schemas, names) with all members of their partition trees:
-- wanted schema, wanted name, member oid (NULL: no such table), member schema, member name.
SELECT w.schema, w.name, m.oid::int8, n.nspname, m.relname
FROM unnest(%s::text[], %s::text[]) AS w (schema, name)
LEFT JOIN pg_namespace wn ON wn.nspname = w.schema
LEFT JOIN pg_class root ON root.relnamespace = wn.oid AND root.relname = w.name AND root.relkind IN ('r', 'p')
LEFT JOIN LATERAL (
    SELECT root.oid AS relid WHERE root.oid IS NOT NULL
    UNION
    SELECT t.relid::oid FROM pg_partition_tree(root.oid) t WHERE root.relkind = 'p'
) tree ON true
LEFT JOIN pg_class m ON m.oid = tree.relid AND m.relkind IN ('r', 'p')
LEFT JOIN pg_namespace n ON n.oid = m.relnamespace
WHERE root.oid IS NULL OR m.oid IS NOT NULL
ORDER BY 1, 2, 4, 5
