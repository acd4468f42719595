-- Physical tables under each plain table or partition root of the given schemas (leaves may live in other schemas):
-- root oid, leaf oid, schema, name, replica identity, identity index, planner's row estimate, bytes, has a primary key.
SELECT
    root.oid::int8,
    leaf.oid::int8,
    ln.nspname,
    leaf.relname,
    leaf.relreplident::text,
    (
        SELECT ic.relname
        FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
        WHERE i.indrelid = leaf.oid AND i.indisreplident
    ),
    leaf.reltuples::int8,
    coalesce(pg_table_size(leaf.oid), 0), -- NULL when it is dropped at this very moment
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = leaf.oid AND i.indisprimary)
FROM pg_class root
JOIN pg_namespace rn ON rn.oid = root.relnamespace
CROSS JOIN LATERAL (
    SELECT root.oid AS relid WHERE root.relkind = 'r'
    UNION ALL
    SELECT t.relid FROM pg_partition_tree(root.oid) t WHERE root.relkind = 'p' AND t.isleaf
) l
JOIN pg_class leaf ON leaf.oid = l.relid AND leaf.relkind = 'r'
JOIN pg_namespace ln ON ln.oid = leaf.relnamespace
WHERE rn.nspname = ANY (%s)
  AND root.relkind IN ('r', 'p')
  AND NOT root.relispartition
ORDER BY root.oid, ln.nspname, leaf.relname
