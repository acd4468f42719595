-- Sequences of the given schemas with the column that owns them (serial or identity).
SELECT
    n.nspname, c.relname,
    own_n.nspname, own_c.relname, own_a.attname,
    coalesce(pg_sequence_last_value(c.oid), s.seqstart),
    pg_sequence_last_value(c.oid) IS NOT NULL,
    s.seqincrement, s.seqmin, s.seqmax, s.seqcycle, s.seqcache
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d
    ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
   AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_class own_c ON own_c.oid = d.refobjid
LEFT JOIN pg_namespace own_n ON own_n.oid = own_c.relnamespace
LEFT JOIN pg_attribute own_a ON own_a.attrelid = d.refobjid AND own_a.attnum = d.refobjsubid
WHERE n.nspname = ANY (%s)
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
  )
ORDER BY n.nspname, c.relname
