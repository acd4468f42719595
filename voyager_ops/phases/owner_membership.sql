DO $prepare$
DECLARE
    owner     name;
    superuser boolean;
    -- The owner's rights to its tables, without becoming the owner. Before PostgreSQL 16 the one comes with the other.
    narrow    text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE, SET FALSE' ELSE '' END;
BEGIN
    FOR owner, superuser IN
        SELECT DISTINCT r.rolname, r.rolsuper
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        WHERE n.nspname IN ({schemas}) AND c.relkind IN ('r', 'p') AND NOT pg_has_role({name}, c.relowner, 'USAGE')
    LOOP
        EXECUTE format('GRANT %I TO %I', owner, {name}) || narrow;
        IF superuser THEN
            RAISE WARNING '% owns tables and is a superuser: whoever has the password of % has its rights now (preflight says more)',
                owner, {name};
        END IF;
    END LOOP;
END
$prepare$
