-- A partition made below a published table *without a key* must have a replica identity before the first UPDATE reaches it, or that
-- UPDATE fails in the application. Partitions do not inherit one, so an event trigger sets it inside the very command that makes the
-- partition. Needs a superuser (or what a managed server lets its administrator do); everybody else's new partitions get theirs from
-- the watch, a few seconds later. Goes with the schema voyager_ops.
CREATE TABLE IF NOT EXISTS voyager_ops.leaf_identity (
    leaf        oid PRIMARY KEY,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    old         text NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE OR REPLACE FUNCTION voyager_ops.identify_leaves() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT c.oid, n.nspname, c.relname, c.relreplident::text AS old
        FROM pg_publication p
        JOIN pg_publication_rel r ON r.prpubid = p.oid
        JOIN pg_class root ON root.oid = r.prrelid AND root.relkind = 'p'
        CROSS JOIN LATERAL pg_partition_tree(root.oid) t
        JOIN pg_class c ON c.oid = t.relid AND c.relkind = 'r'
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE starts_with(p.pubname, 'vo_') AND p.pubupdate
          AND (c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (
              SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid)))
    LOOP
        INSERT INTO voyager_ops.leaf_identity (leaf, schema_name, table_name, old)
        VALUES (found.oid, found.nspname, found.relname, found.old) ON CONFLICT (leaf) DO NOTHING;
        EXECUTE format('ALTER TABLE ONLY %I.%I REPLICA IDENTITY FULL', found.nspname, found.relname);
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    -- Never in the way of the command that fired it: the watch sets what is missing.
    RAISE WARNING 'voyager_ops: the replica identity of a new partition was not set at once: %', SQLERRM;
END
$function$;

DO $install$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'voyager_ops_identify_leaves') THEN
        CREATE EVENT TRIGGER voyager_ops_identify_leaves ON ddl_command_end
            WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
            EXECUTE FUNCTION voyager_ops.identify_leaves();
    END IF;
END
$install$;
