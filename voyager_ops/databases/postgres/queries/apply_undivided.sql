-- Of the named tables those with a unique or exclusion index besides the primary key (on any of their partitions, too), or whose
-- primary key has a column of a collation that is not deterministic: schema, name.
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
  AND c.relkind IN ('r', 'p')
  AND EXISTS (
    SELECT FROM (SELECT c.oid AS relid UNION SELECT p.relid FROM pg_partition_tree(c.oid) p) m
    JOIN pg_index i ON i.indrelid = m.relid
    WHERE ((i.indisunique OR i.indisexclusion) AND NOT i.indisprimary)
       OR (i.indisprimary AND EXISTS (SELECT FROM pg_collation l WHERE l.oid = ANY (i.indcollation::oid[]) AND NOT l.collisdeterministic))
  )
