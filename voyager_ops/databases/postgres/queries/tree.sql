-- Every relation below the partition roots in the parameter: root oid, oid, schema, name, is a leaf,
-- and whether it was made by CREATE TABLE … PARTITION OF (not attached later): a table made so has column rows from the very command
-- that made its system columns' rows, whereas ATTACH writes every user column's row anew. The transaction and command ids of
-- catalog rows survive freezing. (Tried on PostgreSQL 15 and 18: tests/databases/postgres/test_watch.py.)
SELECT
    root.oid::int8,
    c.oid::int8,
    n.nspname,
    c.relname,
    t.isleaf,
    EXISTS (
        SELECT FROM pg_attribute made, pg_attribute user_column
        WHERE made.attrelid = c.oid AND made.attname = 'ctid' AND made.attnum < 0
          AND user_column.attrelid = c.oid AND user_column.attnum > 0
          AND user_column.xmin = made.xmin AND user_column.cmin = made.cmin
    )
FROM unnest(%s::int8[]) AS root (oid)
CROSS JOIN LATERAL pg_partition_tree(root.oid::oid::regclass) t
JOIN pg_class c ON c.oid = t.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.level > 0
