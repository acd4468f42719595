-- The types of the simulated database: base types of their own, so that every expression, not only a column, tells which
-- Oracle type it has. Their representation and their input and output functions are those of PostgreSQL's types:
--   character types, LOBs of characters, LONG, ROWID, XMLTYPE, JSON, BFILE, SDO_GEOMETRY   text (CHAR, NCHAR: bpchar, blank-padded)
--   RAW, BLOB, LONG RAW                                                       bytea
--   DATE                                                                      timestamp
--   TIMESTAMP                 numeric: nanoseconds since 1970-01-01 00:00:00
--   TIMESTAMP WITH LOCAL ..   numeric: nanoseconds since 1970-01-01 00:00:00 UTC
--   TIMESTAMP WITH TIME ZONE  numeric: UTC nanoseconds * 4096 + offset in minutes + 2048
--   INTERVAL DAY TO SECOND    numeric: nanoseconds; INTERVAL YEAR TO MONTH: months
-- NUMBER is numeric, BINARY_FLOAT and BINARY_DOUBLE are float4 and float8, BOOLEAN is boolean.
-- The modifier of the nanosecond types is written as a numeric's: digits of the fraction plus one.
CREATE SCHEMA ora;

DO $do$
DECLARE
  t text;
  base text;
  f text;
  op text;
BEGIN
  FOREACH t IN ARRAY ARRAY['varchar2', 'nvarchar2', 'char', 'nchar', 'clob', 'nclob', 'long', 'xmltype', 'rowid', 'json', 'bfile', 'sdo_geometry',
                           'raw', 'blob', 'long_raw', 'date', 'ts', 'tstz', 'tsltz', 'ids', 'iym'] LOOP
    base := CASE WHEN t IN ('char', 'nchar') THEN 'bpchar' WHEN t IN ('raw', 'blob', 'long_raw') THEN 'bytea'
                 WHEN t = 'date' THEN 'timestamp' WHEN t IN ('ts', 'tstz', 'tsltz', 'ids', 'iym') THEN 'numeric' ELSE 'text' END;
    f := CASE base WHEN 'numeric' THEN 'numeric_' WHEN 'timestamp' THEN 'timestamp_' ELSE base END;
    EXECUTE format('CREATE TYPE ora.%I', t);
    EXECUTE format('CREATE FUNCTION ora.%I(%s) RETURNS ora.%I LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %L', t || '_in',
                   CASE WHEN base IN ('text', 'bytea') THEN 'cstring' ELSE 'cstring, oid, int4' END, t, f || 'in');
    EXECUTE format('CREATE FUNCTION ora.%I(ora.%I) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %L',
                   t || '_out', t, f || 'out');
    EXECUTE format('CREATE TYPE ora.%I (INPUT = ora.%I, OUTPUT = ora.%I, LIKE = %I%s%s)', t, t || '_in', t || '_out', base,
                   CASE base WHEN 'text' THEN ', CATEGORY = ''S'', COLLATABLE = true, TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout'
                             WHEN 'bpchar' THEN ', CATEGORY = ''S'', COLLATABLE = true, TYPMOD_IN = bpchartypmodin, TYPMOD_OUT = bpchartypmodout'
                             WHEN 'numeric' THEN ', CATEGORY = ''U'', TYPMOD_IN = numerictypmodin, TYPMOD_OUT = numerictypmodout'
                             WHEN 'timestamp' THEN ', CATEGORY = ''U''' ELSE ', CATEGORY = ''U''' END, '');
    IF t IN ('clob', 'nclob', 'long', 'blob', 'long_raw') THEN
      -- By a function that gives back what it is given: without one these types would have the operators of text and bytea.
      EXECUTE format('CREATE FUNCTION ora.%I(ora.%I, int4, boolean) RETURNS %I LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %L', t || '_plain', t, base, 'varchar');
      EXECUTE format('CREATE CAST (ora.%I AS %I) WITH FUNCTION ora.%I(ora.%I, int4, boolean) AS IMPLICIT', t, base, t || '_plain', t);
      EXECUTE format('CREATE CAST (%I AS ora.%I) WITHOUT FUNCTION AS ASSIGNMENT', base, t);
      -- A comparison that is no condition: PostgreSQL refuses it when it reads the statement, as Oracle does.
      EXECUTE format('CREATE TYPE ora.%I AS ENUM ()', 'no_' || t);
      FOREACH op IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>='] LOOP
        EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I, ora.%2$I) RETURNS ora.%3$I LANGUAGE sql RETURN NULL::ora.%3$I', 'no_' || t || op, t, 'no_' || t);
        EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I, %4$I) RETURNS ora.%3$I LANGUAGE sql RETURN NULL::ora.%3$I', 'no_' || t || op, t, 'no_' || t, base);
        EXECUTE format('CREATE FUNCTION ora.%1$I(%4$I, ora.%2$I) RETURNS ora.%3$I LANGUAGE sql RETURN NULL::ora.%3$I', 'no_' || t || op, t, 'no_' || t, base);
        EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.%I, LEFTARG = ora.%I, RIGHTARG = ora.%I)', op, 'no_' || t || op, t, t);
        EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.%I, LEFTARG = ora.%I, RIGHTARG = %I)', op, 'no_' || t || op, t, base);
        EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.%I, LEFTARG = %I, RIGHTARG = ora.%I)', op, 'no_' || t || op, base, t);
      END LOOP;
    ELSIF base IN ('text', 'bpchar') THEN
      EXECUTE format('CREATE CAST (ora.%I AS text) WITHOUT FUNCTION AS IMPLICIT', t);
      EXECUTE format('CREATE CAST (text AS ora.%I) WITHOUT FUNCTION AS ASSIGNMENT', t);
    ELSIF base = 'numeric' THEN
      EXECUTE format('CREATE CAST (ora.%I AS numeric) WITHOUT FUNCTION', t);
      EXECUTE format('CREATE CAST (numeric AS ora.%I) WITHOUT FUNCTION', t);
      FOREACH op IN ARRAY ARRAY['eq', 'ne', 'lt', 'le', 'gt', 'ge'] LOOP
        EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I, ora.%2$I) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %3$L',
                       t || '_' || op, t, 'numeric_' || op);
      END LOOP;
      EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I, ora.%2$I) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS ''numeric_cmp''',
                     t || '_cmp', t);
      EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS ''hash_numeric''',
                     t || '_hash', t);
    ELSE
      EXECUTE format('CREATE CAST (ora.%I AS %I) WITHOUT FUNCTION AS IMPLICIT', t, base);
      EXECUTE format('CREATE CAST (%I AS ora.%I) WITHOUT FUNCTION AS ASSIGNMENT', base, t);
    END IF;
    IF t = 'date' THEN
      FOREACH op IN ARRAY ARRAY['eq', 'ne', 'lt', 'le', 'gt', 'ge'] LOOP
        EXECUTE format('CREATE FUNCTION ora.%1$I(ora.date, ora.date) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %2$L',
                       'date_' || op, 'timestamp_' || op);
      END LOOP;
      CREATE FUNCTION ora.date_cmp(ora.date, ora.date) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'timestamp_cmp';
      CREATE FUNCTION ora.date_hash(ora.date) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'timestamp_hash';
    END IF;
    f := CASE base WHEN 'bpchar' THEN 'bpchar_' WHEN 'bytea' THEN 'bytea_' ELSE CASE base WHEN 'text' THEN 'text_' ELSE f END END;
    FOREACH op IN ARRAY ARRAY['larger', 'smaller'] LOOP
      EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I, ora.%2$I) RETURNS ora.%2$I LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %3$L',
                     t || '_' || op, t, f || op);
      EXECUTE format('CREATE AGGREGATE ora.%1$I(ora.%2$I) (SFUNC = ora.%3$I, STYPE = ora.%2$I)',
                     CASE op WHEN 'larger' THEN 'max' ELSE 'min' END, t, t || '_' || op);
    END LOOP;
  END LOOP;
END
$do$;

-- A geometry is no text: only its functions make it, or text of it.
DROP CAST (ora.sdo_geometry AS text);
DROP CAST (text AS ora.sdo_geometry);

-- Two moments with time zone are equal when they are the same instant, whatever their offsets.
-- Rounded down, and exact: numeric division is not.
CREATE FUNCTION ora.fdiv(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN div(a - mod(mod(a, b) + b, b), b);
CREATE FUNCTION ora.tstz_utc(ora.tstz) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT RETURN ora.fdiv($1::numeric, 4096);
CREATE FUNCTION ora.tstz_off(ora.tstz) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN (mod(mod($1::numeric, 4096) + 4096, 4096) - 2048)::int;
CREATE OR REPLACE FUNCTION ora.tstz_eq(ora.tstz, ora.tstz) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc($1) = ora.tstz_utc($2);
CREATE OR REPLACE FUNCTION ora.tstz_ne(ora.tstz, ora.tstz) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc($1) <> ora.tstz_utc($2);
CREATE OR REPLACE FUNCTION ora.tstz_lt(ora.tstz, ora.tstz) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc($1) < ora.tstz_utc($2);
CREATE OR REPLACE FUNCTION ora.tstz_le(ora.tstz, ora.tstz) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc($1) <= ora.tstz_utc($2);
CREATE OR REPLACE FUNCTION ora.tstz_gt(ora.tstz, ora.tstz) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc($1) > ora.tstz_utc($2);
CREATE OR REPLACE FUNCTION ora.tstz_ge(ora.tstz, ora.tstz) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT RETURN ora.tstz_utc($1) >= ora.tstz_utc($2);
CREATE OR REPLACE FUNCTION ora.tstz_cmp(ora.tstz, ora.tstz) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT RETURN sign(ora.tstz_utc($1) - ora.tstz_utc($2))::int;
CREATE OR REPLACE FUNCTION ora.tstz_hash(ora.tstz) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT RETURN hash_numeric(ora.tstz_utc($1));

-- RAW has operators of its own: those of bytea would be no nearer than those of BLOB, which a RAW becomes by itself.
DO $do$
DECLARE
  op text;
BEGIN
  FOREACH op IN ARRAY ARRAY['eq', 'ne', 'lt', 'le', 'gt', 'ge'] LOOP
    EXECUTE format('CREATE FUNCTION ora.%1$I(ora.raw, ora.raw) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %2$L', 'raw_' || op, 'bytea' || op);
  END LOOP;
  CREATE FUNCTION ora.raw_cmp(ora.raw, ora.raw) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteacmp';
  CREATE FUNCTION ora.raw_hash(ora.raw) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
END
$do$;
DO $do$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['raw', 'date', 'ts', 'tstz', 'tsltz', 'ids', 'iym'] LOOP
    EXECUTE format('CREATE OPERATOR ora.=  (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I, COMMUTATOR = OPERATOR(ora.=), NEGATOR = OPERATOR(ora.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES)', t, t || '_eq');
    EXECUTE format('CREATE OPERATOR ora.<> (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I, COMMUTATOR = OPERATOR(ora.<>), NEGATOR = OPERATOR(ora.=), RESTRICT = neqsel, JOIN = neqjoinsel)', t, t || '_ne');
    EXECUTE format('CREATE OPERATOR ora.<  (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I, COMMUTATOR = OPERATOR(ora.>), NEGATOR = OPERATOR(ora.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel)', t, t || '_lt');
    EXECUTE format('CREATE OPERATOR ora.<= (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I, COMMUTATOR = OPERATOR(ora.>=), NEGATOR = OPERATOR(ora.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel)', t, t || '_le');
    EXECUTE format('CREATE OPERATOR ora.>  (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I, COMMUTATOR = OPERATOR(ora.<), NEGATOR = OPERATOR(ora.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel)', t, t || '_gt');
    EXECUTE format('CREATE OPERATOR ora.>= (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I, COMMUTATOR = OPERATOR(ora.<=), NEGATOR = OPERATOR(ora.<), RESTRICT = scalargesel, JOIN = scalargejoinsel)', t, t || '_ge');
    EXECUTE format('CREATE OPERATOR CLASS ora.%2$I DEFAULT FOR TYPE ora.%1$I USING btree AS OPERATOR 1 ora.<, OPERATOR 2 ora.<=, OPERATOR 3 ora.=, OPERATOR 4 ora.>=, OPERATOR 5 ora.>, FUNCTION 1 ora.%3$I(ora.%1$I, ora.%1$I)', t, t || '_ops', t || '_cmp');
    EXECUTE format('CREATE OPERATOR CLASS ora.%2$I DEFAULT FOR TYPE ora.%1$I USING hash AS OPERATOR 1 ora.=, FUNCTION 1 ora.%3$I(ora.%1$I)', t, t || '_hash_ops', t || '_hash');
  END LOOP;
END
$do$;

-- CHAR against CHAR (and literals, which are CHAR) compares blank-padded; against VARCHAR2 it does not.
DO $do$
DECLARE
  t text;
  o text[];
BEGIN
  FOREACH t IN ARRAY ARRAY['char', 'nchar'] LOOP
    FOREACH o SLICE 1 IN ARRAY ARRAY[['=', 'eq'], ['<>', 'ne'], ['<', 'lt'], ['<=', 'le'], ['>', 'gt'], ['>=', 'ge']] LOOP
      EXECUTE format('CREATE FUNCTION ora.%1$I(ora.%2$I, ora.%2$I) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS %3$L', t || '_' || o[2], t, 'bpchar' || o[2]);
      EXECUTE format('CREATE OPERATOR ora.%3$s (FUNCTION = ora.%2$I, LEFTARG = ora.%1$I, RIGHTARG = ora.%1$I)', t, t || '_' || o[2], o[1]);
    END LOOP;
    -- The modifier: characters, or a million more than the bytes. Too long a value is left to the column's CHECK.
    EXECUTE format('CREATE FUNCTION ora.%1$I(v ora.%2$I, typmod int4) RETURNS ora.%2$I LANGUAGE sql IMMUTABLE STRICT RETURN
      (v::text || repeat('' '', (typmod - 4) %% 1000000 - CASE WHEN typmod > 1000004 THEN octet_length(v::text) ELSE char_length(v::text) END))::ora.%2$I', t || '_pad', t);
    EXECUTE format('CREATE CAST (ora.%1$I AS ora.%1$I) WITH FUNCTION ora.%2$I(ora.%1$I, int4) AS IMPLICIT', t, t || '_pad');
  END LOOP;
END
$do$;

-- Among character types, what Oracle converts by itself.
CREATE CAST (ora.char AS ora.varchar2) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.nchar AS ora.nvarchar2) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.char AS ora.nvarchar2) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.varchar2 AS ora.nvarchar2) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.char AS ora.clob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.varchar2 AS ora.clob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.clob AS ora.nclob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.nvarchar2 AS ora.nclob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.varchar2 AS ora.nclob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.char AS ora.nclob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.varchar2 AS ora.long) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.char AS ora.long) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.char AS ora.nchar) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (ora.nchar AS ora.char) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (ora.raw AS ora.blob) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.raw AS ora.long_raw) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.blob AS ora.long_raw) WITHOUT FUNCTION AS ASSIGNMENT; -- long binds are BLOBs
DO $do$
DECLARE
  a text;
  b text;
BEGIN
  -- The rest of the pairs: on assignment only.
  FOREACH a IN ARRAY ARRAY['varchar2', 'nvarchar2', 'char', 'nchar', 'clob', 'nclob', 'long', 'xmltype', 'rowid', 'json'] LOOP
    FOREACH b IN ARRAY ARRAY['varchar2', 'nvarchar2', 'char', 'nchar', 'clob', 'nclob', 'long', 'xmltype', 'rowid', 'json'] LOOP
      IF a <> b AND NOT EXISTS (SELECT FROM pg_cast WHERE castsource = ('ora.' || quote_ident(a))::regtype AND casttarget = ('ora.' || quote_ident(b))::regtype) THEN
        EXECUTE format('CREATE CAST (ora.%I AS ora.%I) WITHOUT FUNCTION AS ASSIGNMENT', a, b);
      END IF;
    END LOOP;
  END LOOP;
END
$do$;
