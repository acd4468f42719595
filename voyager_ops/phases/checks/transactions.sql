-- Transactions of this database that have been open for longer than a minute, prepared ones too: pid (0: prepared), who, seconds.
SELECT a.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'), extract(epoch FROM clock_timestamp() - a.xact_start)
FROM pg_stat_activity a
WHERE a.datname = current_database()
  AND a.pid <> pg_backend_pid()
  AND a.backend_type = 'client backend'
  AND a.xact_start < clock_timestamp() - interval '1 minute'
UNION ALL
SELECT 0, 'prepared transaction ' || p.gid, extract(epoch FROM clock_timestamp() - p.prepared)
FROM pg_prepared_xacts p
WHERE p.database = current_database() AND p.prepared < clock_timestamp() - interval '1 minute'
ORDER BY 3 DESC
