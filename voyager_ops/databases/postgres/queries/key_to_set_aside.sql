-- The primary key of a table, when it may be dropped while rows are loaded and made again from its definition.
-- What dropping it would take along and ADD CONSTRAINT would not bring back keeps it in place: options and tablespace of the
-- index, CLUSTER, replica identity. Partitions and publications need theirs all the time. What depends on it (foreign keys,
-- views that group by it) refuses the dropping by itself.
SELECT con.conname, pg_get_constraintdef(con.oid),
       obj_description(con.oid, 'pg_constraint'), obj_description(con.conindid, 'pg_class')
FROM pg_constraint con
JOIN pg_class t ON t.oid = con.conrelid
JOIN pg_index i ON i.indexrelid = con.conindid
JOIN pg_class c ON c.oid = con.conindid
JOIN pg_am am ON am.oid = c.relam
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = %s AND t.relname = %s AND con.contype = 'p'
  AND t.relkind = 'r' AND NOT t.relispartition AND con.conislocal AND con.coninhcount = 0
  AND am.amname = 'btree' AND c.relname = con.conname AND c.reloptions IS NULL AND c.reltablespace = 0
  AND i.indisvalid AND NOT i.indisclustered AND NOT i.indisreplident
  AND NOT EXISTS (SELECT FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = t.relname)
