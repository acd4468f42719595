-- Who the session is and what it may see.
CREATE FUNCTION ora.me() RETURNS text LANGUAGE sql STABLE RETURN current_setting('ora.user', true);
CREATE FUNCTION ora.sys_privileges(grantee text) RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC
  WITH RECURSIVE roles(r) AS (
    SELECT grantee UNION SELECT 'PUBLIC'
    UNION SELECT p."GRANTED_ROLE"::text FROM ora."ROLE_PRIVS_" p JOIN roles ON p."GRANTEE"::text = r
  ) SELECT s."PRIVILEGE"::text FROM ora."SYS_PRIVS_" s JOIN roles ON s."GRANTEE"::text = r;
END;
CREATE FUNCTION ora.roles_of(grantee text) RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC
  WITH RECURSIVE roles(r) AS (
    SELECT grantee UNION SELECT 'PUBLIC'
    UNION SELECT p."GRANTED_ROLE"::text FROM ora."ROLE_PRIVS_" p JOIN roles ON p."GRANTEE"::text = r
  ) SELECT r FROM roles;
END;
CREATE FUNCTION ora.sees_all() RETURNS boolean LANGUAGE sql STABLE
  RETURN EXISTS (SELECT FROM ora.sys_privileges(ora.me()) p WHERE p IN ('SELECT ANY TABLE', 'READ ANY TABLE'));
CREATE FUNCTION ora.sees(owner text, name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN owner = current_setting('ora.user', true)
    OR EXISTS (SELECT FROM ora."TAB_PRIVS_" p WHERE p."OWNER"::text = owner AND p."TABLE_NAME"::text = name AND p."GRANTEE"::text IN (SELECT ora.roles_of(ora.me())))
    OR (owner <> 'SYS' AND ora.sees_all()) OR (owner = 'SYS' AND 'SELECT ANY DICTIONARY' IN (SELECT ora.sys_privileges(ora.me())));
END
$$;
CREATE TABLE ora.parameters (name text PRIMARY KEY, value text, kind numeric);
CREATE TABLE ora.sessions (sid numeric, serial numeric, username text, program text, machine text, osuser text, terminal text, process text,
  module text, action text, client_identifier text, client_info text, logon timestamp, pid int, service text, schema text, thread int,
  PRIMARY KEY (sid));
CREATE SEQUENCE ora.object_ids START 70000;
-- LAST_NUMBER: the first value that is not in anybody's cache.
CREATE FUNCTION ora.last_number(owner text, name text, start_with numeric, increment numeric, cache numeric) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
  last numeric;
  called boolean;
  used numeric;
BEGIN
  EXECUTE format('SELECT last_value, is_called FROM %I.%I', owner, name) INTO last, called;
  IF NOT called THEN
    RETURN last;
  END IF;
  used := (last - start_with) / increment + 1;
  RETURN start_with + increment * CASE WHEN cache > 1 THEN ceil(used / cache) * cache ELSE used END;
END
$$;
-- Blocks of a table: a hundred rows in each.
CREATE FUNCTION ora.highest_row(owner text, name text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  n bigint;
BEGIN
  IF to_regclass(format('%I.%I', owner, name)) IS NULL THEN
    RETURN 0;
  END IF;
  EXECUTE format('SELECT coalesce(max("ORA$RID"), 0) FROM %I.%I', owner, name) INTO n;
  RETURN n;
EXCEPTION WHEN undefined_column THEN
  RETURN 0;
END
$$;
-- The engine sets it before every statement that calls it.
CREATE FUNCTION ora.dbms_flashback__get_system_change_number() RETURNS numeric LANGUAGE sql VOLATILE RETURN ora.setting('scn')::numeric;
