-- Needs contrib, XML and ICU: a server as distributions build it.
CREATE SCHEMA app;
CREATE SCHEMA extensions;
CREATE SCHEMA elsewhere;
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION hstore SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION postgres_fdw SCHEMA extensions;
CREATE COLLATION app.german (provider = icu, locale = 'de', deterministic = false);
CREATE TABLE app.people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), mail extensions.citext UNIQUE, extra extensions.hstore, doc xml,
    name text COLLATE app.german, span tstzrange, spans nummultirange, room integer, EXCLUDE USING gist (room WITH =, span WITH &&));
CREATE INDEX people_name ON app.people USING gin (name public.gin_trgm_ops);
CREATE INDEX people_extra ON app.people USING gist (extra);
CREATE TABLE extensions.not_of_extension (id integer PRIMARY KEY);
CREATE TABLE elsewhere.t (id integer PRIMARY KEY);
CREATE VIEW app.looks_elsewhere AS SELECT id FROM elsewhere.t;
CREATE VIEW app.looks_beside AS SELECT id FROM extensions.not_of_extension;
CREATE SERVER z FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example', dbname 'd');
CREATE USER MAPPING FOR PUBLIC SERVER z OPTIONS (user 'joe', password 's3cret');
CREATE FOREIGN TABLE app.far (id integer, note text OPTIONS (column_name 'n')) SERVER z OPTIONS (table_name 't');
CREATE TABLE app.nulls (a integer, b integer, UNIQUE NULLS NOT DISTINCT (a), CHECK (a > b));
CREATE VIEW app.invoker WITH (security_invoker) AS SELECT * FROM app.nulls;
CREATE TYPE app.base;
CREATE FUNCTION app.base_in(cstring) RETURNS app.base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION app.base_out(app.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE app.base (INPUT = app.base_in, OUTPUT = app.base_out, LIKE = text);
CREATE TABLE app.based (b app.base);
