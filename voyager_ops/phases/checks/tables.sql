-- Tables of the schemas (those of extensions left out), in the order of the fields of model.TableFacts.
SELECT
    n.nspname, c.relname, c.relkind::text, c.relpersistence::text,
    pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner),
    has_table_privilege(c.oid, 'SELECT'),
    has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
        AND has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'TRUNCATE'),
    c.relrowsecurity,
    c.relreplident::text,
    EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) AND NOT c.relispartition
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s)
  AND c.relkind IN ('r', 'p', 'f')
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
ORDER BY n.nspname, c.relname
