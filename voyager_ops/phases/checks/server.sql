-- One row about this server and our role, in the order in which facts.read_server takes it.
SELECT
    current_user,
    pg_is_in_recovery(),
    d.datname,
    d.oid::int8,
    pg_encoding_to_char(d.encoding),
    to_jsonb(d) ->> 'datlocprovider',
    d.datcollate,
    d.datctype,
    (SELECT count(*) FROM pg_replication_slots),
    (SELECT count(*) FROM pg_stat_replication),
    r.rolsuper,
    r.rolreplication OR EXISTS (
        SELECT FROM pg_roles g
        WHERE g.rolname IN ('rds_replication', 'yb_superuser') AND pg_has_role(r.oid, g.oid, 'MEMBER')
    ),
    r.rolbypassrls,
    has_database_privilege(d.oid, 'CREATE'),
    pg_database_size(d.oid),
    has_function_privilege('pg_control_system()', 'EXECUTE')
FROM pg_database d
JOIN pg_roles r ON r.rolname = current_user
WHERE d.datname = current_database()
