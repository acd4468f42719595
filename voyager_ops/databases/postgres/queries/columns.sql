-- Columns of the tables of the given schemas, in attribute order, in the order of the fields of model.tables.Column.
WITH RECURSIVE base (oid, root) AS (
    SELECT t.oid, t.oid FROM pg_type t
    UNION ALL
    SELECT t.typbasetype, base.root FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype = 'd'
), root_type AS (
    SELECT base.root, t.* FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype <> 'd'
)
SELECT
    c.oid::int8,
    a.attname,
    format_type(a.atttypid, a.atttypmod),
    a.atttypid::int8,
    b.oid::int8,
    b.typname,
    a.attnotnull,
    a.attgenerated <> '',
    a.attidentity::text,
    a.attcollation = 0
        OR (
            -- Elsewhere the order of the server's bytes is not that of the same text in UTF-8, in which we and the other side have it.
            d.encoding IN ('UTF8', 'LATIN1', 'SQL_ASCII')
            AND (
                (co.collprovider = 'c' AND co.collcollate IN ('C', 'POSIX'))
                OR (co.collprovider = 'd' AND d.provider = 'c' AND d.datcollate IN ('C', 'POSIX'))
                OR co.collprovider = 'b'
                OR (co.collprovider = 'd' AND d.provider = 'b')
            )
        ),
    a.attcollation = 0 OR co.collisdeterministic,
    b.typlen = -1 AND a.attstorage <> 'p',
    b.typtype = 'e',
    CASE WHEN b.typcategory = 'A' THEN b.typelem::int8 ELSE 0 END,
    a.atttypid < 10000
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN root_type b ON b.root = a.atttypid
LEFT JOIN pg_collation co ON co.oid = a.attcollation
CROSS JOIN (
    SELECT datcollate, to_jsonb(db) ->> 'datlocprovider' AS provider, pg_encoding_to_char(encoding) AS encoding
    FROM pg_database db WHERE datname = current_database()
) d
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.oid, a.attnum
