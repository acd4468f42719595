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
    has_function_privilege('pg_control_system()', 'EXECUTE'),
    jsonb_build_array(
        jsonb_build_array(
            'max_connections',
            current_setting('max_connections')::int8
            - CASE
                WHEN r.rolsuper THEN 0
                ELSE current_setting('superuser_reserved_connections')::int8
                    + coalesce(nullif(current_setting('reserved_connections', true), '')::int8, 0)
            END,
            c.of_server
        ),
        -- Neither of these holds for a superuser.
        jsonb_build_array('the database', CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END, c.of_database),
        jsonb_build_array('the role', CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END, c.of_role)
    )
FROM pg_database d
JOIN pg_roles r ON r.rolname = current_user
CROSS JOIN (
    -- Of a session that is not ours the kind is hidden from an ordinary user; only those with a database count against the limits.
    -- This migration's own are those that it needs, not others' in use: preflight may run while it streams.
    SELECT
        count(*) AS of_server,
        count(*) FILTER (WHERE datname = current_database()) AS of_database,
        count(*) FILTER (WHERE usename = current_user) AS of_role
    FROM pg_stat_activity
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
        AND NOT coalesce(
            usename = current_user
            AND starts_with(application_name, nullif(regexp_replace(current_setting('application_name'), '[^/]*$', ''), '')),
            false
        )
) c
WHERE d.datname = current_database()
