-- Tables of the schemas (those of extensions left out), in the order of the fields of model.TableFacts.
SELECT
    n.nspname, c.relname, c.relkind::text, c.relpersistence::text,
    pg_has_role(c.relowner, 'USAGE'), owner.rolname, owner.rolsuper,
    -- Whether our role may become the owner; before PostgreSQL 16 every member may.
    pg_has_role(c.relowner, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END),
    has_table_privilege(c.oid, 'SELECT'),
    has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
        AND has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'TRUNCATE'),
    c.relrowsecurity,
    c.relreplident::text,
    EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) AND NOT c.relispartition
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles owner ON owner.oid = c.relowner
WHERE n.nspname = ANY (%s)
  AND c.relkind IN ('r', 'p', 'f')
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
ORDER BY n.nspname, c.relname
