-- Primary keys, unique indexes and exclusion constraints of the given schemas' tables and partition roots:
-- table oid, index schema and name, primary, plain key columns ({} when any is an expression), partial, exclusion, deferrable.
SELECT
    i.indrelid::int8,
    n.nspname,
    ic.relname,
    i.indisprimary,
    CASE
        WHEN 0 = ANY (i.indkey::int2[]) THEN ARRAY[]::text[]
        ELSE ARRAY(
            SELECT a.attname::text
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE k.place <= i.indnkeyatts
            ORDER BY k.place
        )
    END,
    i.indpred IS NOT NULL,
    i.indisexclusion,
    NOT i.indimmediate
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = ic.relnamespace
JOIN pg_namespace tn ON tn.oid = c.relnamespace
WHERE tn.nspname = ANY (%s)
  AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
  AND (i.indisunique OR i.indisexclusion)
  AND i.indisvalid
ORDER BY i.indrelid, ic.relname
