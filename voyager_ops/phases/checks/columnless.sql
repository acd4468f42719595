-- Plain tables of the schemas without a single column of their own to move.
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s)
  AND c.relkind = 'r'
  AND NOT c.relispartition
  AND NOT EXISTS (
      SELECT FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  )
ORDER BY 1, 2
