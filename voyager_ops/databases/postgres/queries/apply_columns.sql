-- Columns of the named tables as apply needs them: table schema and name, partitioned, column, type schema and name, generated,
-- identity, place in the primary key (0: not in it), schema and name of the operator the key's index calls equality, the key's
-- constraint is checked at once.
SELECT
    n.nspname,
    c.relname,
    c.relkind = 'p',
    a.attname,
    tn.nspname,
    t.typname,
    a.attgenerated <> '',
    a.attidentity::text,
    coalesce(array_position(k.columns, a.attnum), 0),
    eq.nspname,
    eq.oprname,
    coalesce(i.indimmediate, true)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indisvalid
LEFT JOIN LATERAL (
    SELECT array_agg(attnum ORDER BY place) AS columns
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY x (attnum, place)
    WHERE place <= i.indnkeyatts
) k ON true
LEFT JOIN LATERAL (
    SELECT onsp.nspname, o.oprname
    FROM unnest(i.indclass::oid[]) WITH ORDINALITY x (opclass, place)
    JOIN pg_opclass oc ON oc.oid = x.opclass
    JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily
        AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype AND ao.amopstrategy = 3
    JOIN pg_operator o ON o.oid = ao.amopopr
    JOIN pg_namespace onsp ON onsp.oid = o.oprnamespace
    WHERE x.place = array_position(k.columns, a.attnum)
) eq ON true
WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
  AND c.relkind IN ('r', 'p')
ORDER BY c.oid, a.attnum
