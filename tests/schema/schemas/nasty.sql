-- Everything that makes a schema hard to move, on a server of any supported version.
CREATE SCHEMA sales;
CREATE SCHEMA "Odd ""Schema""";
COMMENT ON SCHEMA sales IS 'orders; and "more"';

CREATE TYPE public.mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE TYPE sales.address AS (street text, zip varchar(10), at point);
CREATE TYPE sales.span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN public.email AS text CONSTRAINT has_at CHECK (VALUE ~ '^[^@]+@[^@]+$') DEFAULT 'a@b';
CREATE DOMAIN sales.positive AS numeric(12, 2) NOT NULL CHECK (VALUE > 0);
ALTER DOMAIN sales.positive ADD CONSTRAINT small CHECK (VALUE < 1000000) NOT VALID;
COMMENT ON TYPE public.mood IS 'how one feels';
COMMENT ON DOMAIN public.email IS 'an address';

-- Table named as its schema, reserved words, quotes, non-ASCII.
CREATE TABLE sales.sales (id bigint GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3) PRIMARY KEY, amount sales.positive, "select" text);
CREATE TABLE "Odd ""Schema"""."Täble; --x" (
    "Id" serial PRIMARY KEY,
    "group" integer NOT NULL DEFAULT 1,
    "we""ird" text COLLATE "C" DEFAULT 'x;''y',
    UNIQUE ("group", "we""ird")
);
COMMENT ON COLUMN "Odd ""Schema"""."Täble; --x"."we""ird" IS 'it''s; $$ odd';

-- Circular foreign keys.
CREATE TABLE public.a (id integer PRIMARY KEY, b_id integer, u integer, w integer, CONSTRAINT a_u UNIQUE (u), CONSTRAINT a_w UNIQUE (w) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE public.b (id integer PRIMARY KEY, a_id integer REFERENCES public.a ON DELETE CASCADE DEFERRABLE);
ALTER TABLE public.a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES public.b (id) NOT VALID;
ALTER TABLE public.b ADD CONSTRAINT b_u FOREIGN KEY (a_id) REFERENCES public.a (u) MATCH FULL;
ALTER TABLE public.a ADD CONSTRAINT a_positive CHECK (id > 0) NOT VALID;
ALTER TABLE public.a ADD CONSTRAINT a_named CHECK (u IS NULL OR u > 0);
COMMENT ON CONSTRAINT a_named ON public.a IS 'a comment on a constraint';

-- Functions that depend on tables and tables that depend on functions.
CREATE FUNCTION public.next_code(prefix text DEFAULT 'C') RETURNS text LANGUAGE plpgsql AS $body$
BEGIN
    RETURN prefix || nextval('public.code_seq')::text || $x$;$$;$x$;
END
$body$;
CREATE SEQUENCE public.code_seq AS integer MINVALUE 5 MAXVALUE 500 START 5 CYCLE CACHE 10;
CREATE TABLE public.coded (code text PRIMARY KEY DEFAULT public.next_code(), CONSTRAINT ck CHECK (length(code) > 0));
CREATE FUNCTION sales.total(who public.coded) RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT CASE WHEN count(*) > 0 THEN sum(sales.id) ELSE 0 END FROM sales.sales WHERE sales."select" = (who).code;
END;
CREATE FUNCTION sales.all_sales() RETURNS SETOF sales.sales LANGUAGE sql STABLE AS $$ SELECT * FROM sales.sales; $$;
CREATE FUNCTION sales.pair(OUT x integer, OUT y text, VARIADIC rest integer[] DEFAULT '{}') LANGUAGE sql SET search_path TO sales, pg_temp AS 'SELECT 1, ''two''';
CREATE PROCEDURE sales.clean(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN DELETE FROM sales.sales; n := 0; END $$;
CREATE AGGREGATE public.product(double precision) (SFUNC = float8mul, STYPE = double precision, INITCOND = '1');
CREATE FUNCTION public.mood_eq(public.mood, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT false $$;
CREATE OPERATOR public.=== (LEFTARG = public.mood, RIGHTARG = integer, FUNCTION = public.mood_eq);
CREATE FUNCTION public.to_address(text) RETURNS sales.address LANGUAGE sql IMMUTABLE AS $$ SELECT ROW($1, '', NULL)::sales.address $$;
CREATE CAST (text AS sales.address) WITH FUNCTION public.to_address(text) AS ASSIGNMENT;
CREATE TEXT SEARCH DICTIONARY public.dict (TEMPLATE = pg_catalog.simple, STOPWORDS = 'english');
CREATE TEXT SEARCH CONFIGURATION public.conf (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION public.conf ALTER MAPPING FOR asciiword WITH public.dict;
CREATE COLLATION public.binary FROM "C";
COMMENT ON FUNCTION sales.total(public.coded) IS 'sum';

-- Partitions: two levels, list, range, hash, default.
CREATE TABLE sales.events (region text NOT NULL, at date NOT NULL, id bigint NOT NULL, payload jsonb, PRIMARY KEY (region, at, id),
    CONSTRAINT events_once UNIQUE (region, at, id, payload)) PARTITION BY LIST (region);
CREATE TABLE sales.events_eu PARTITION OF sales.events FOR VALUES IN ('eu') PARTITION BY RANGE (at);
CREATE TABLE sales.events_eu_24 PARTITION OF sales.events_eu FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE sales.events_eu_rest PARTITION OF sales.events_eu DEFAULT;
CREATE TABLE sales.events_us PARTITION OF sales.events FOR VALUES IN ('us', 'ca') PARTITION BY HASH (id);
CREATE TABLE sales.events_us_0 PARTITION OF sales.events_us FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE sales.events_us_1 PARTITION OF sales.events_us FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE sales.events_other PARTITION OF sales.events DEFAULT;
CREATE INDEX events_id ON sales.events (id) INCLUDE (payload);
CREATE UNIQUE INDEX events_unique ON sales.events (region, at, (id + 0), id);
CREATE INDEX only_here ON sales.events_other USING gin (payload jsonb_path_ops) WHERE payload IS NOT NULL;
CREATE TABLE sales.event_notes (region text, at date, id bigint, note text, FOREIGN KEY (region, at, id) REFERENCES sales.events);
COMMENT ON INDEX sales.events_id IS 'by id';

-- Inheritance, generated, unlogged, storage.
CREATE TABLE public.animal (id integer PRIMARY KEY, name text NOT NULL, CHECK (id < 1000)) WITH (fillfactor = 70);
CREATE TABLE public.dog (id integer PRIMARY KEY, barks boolean DEFAULT true) INHERITS (public.animal);
CREATE TABLE public.fish () INHERITS (public.animal);
CREATE TABLE public.typed OF sales.address (zip WITH OPTIONS NOT NULL, PRIMARY KEY (zip));
CREATE UNLOGGED TABLE public.scratch (a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED, r sales.span, m public.mood[] DEFAULT '{happy}',
    EXCLUDE USING gist (r WITH &&));
ALTER TABLE public.scratch ALTER COLUMN m SET STORAGE EXTERNAL, ALTER COLUMN a SET STATISTICS 500;
CREATE TABLE public.no_columns ();
CREATE TABLE public.ident (id integer NOT NULL, other integer GENERATED BY DEFAULT AS IDENTITY);
CREATE UNIQUE INDEX ident_id ON public.ident (id);
ALTER TABLE public.ident REPLICA IDENTITY USING INDEX ident_id;
CREATE INDEX coded_lower ON public.coded (lower(code) text_pattern_ops DESC NULLS LAST) WITH (fillfactor = 50);
ALTER TABLE public.coded CLUSTER ON coded_pkey;
CREATE STATISTICS public.st (dependencies, ndistinct) ON a, twice FROM public.scratch;

-- Views, circular through a rule, on functions, with checks; materialized on materialized.
CREATE VIEW public.v_dogs WITH (security_barrier) AS SELECT id, name FROM public.dog WHERE id < 10 WITH CASCADED CHECK OPTION;
CREATE VIEW public.a_first AS SELECT * FROM public.v_dogs d, LATERAL (SELECT public.next_code(d.name) AS c) x;
CREATE VIEW sales.grouped AS SELECT s.id, s.amount, count(*) AS n FROM sales.sales s GROUP BY s.id;
CREATE RECURSIVE VIEW public.nums (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM nums WHERE n < 5;
CREATE MATERIALIZED VIEW public.z_mat AS SELECT n, n * 2 AS m FROM public.nums;
CREATE UNIQUE INDEX z_mat_n ON public.z_mat (n);
CREATE MATERIALIZED VIEW public.a_mat AS SELECT sum(m) AS s FROM public.z_mat;
CREATE MATERIALIZED VIEW public.empty_mat AS SELECT 1 AS one WITH NO DATA;
ALTER VIEW public.v_dogs ALTER COLUMN name SET DEFAULT 'rex';
CREATE RULE dog_ins AS ON INSERT TO public.a_first DO INSTEAD (INSERT INTO public.fish (id, name) VALUES (new.id, new.name); UPDATE public.dog SET barks = false);
CREATE RULE never AS ON DELETE TO public.fish DO INSTEAD NOTHING;
ALTER TABLE public.fish DISABLE RULE never;

-- Triggers in every state.
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER t_on BEFORE INSERT OR UPDATE OF name ON public.animal FOR EACH ROW WHEN (new.id > 0) EXECUTE FUNCTION public.touch('x', 'it''s');
CREATE TRIGGER t_off AFTER DELETE ON public.animal FOR EACH STATEMENT EXECUTE FUNCTION public.touch();
CREATE TRIGGER t_always AFTER INSERT ON public.animal FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE TRIGGER t_replica AFTER INSERT ON public.animal REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION public.touch();
CREATE CONSTRAINT TRIGGER t_constraint AFTER INSERT ON public.dog DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE TRIGGER t_part AFTER INSERT ON sales.events FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE TRIGGER t_view INSTEAD OF UPDATE ON sales.grouped FOR EACH ROW EXECUTE FUNCTION public.touch();
ALTER TABLE public.animal DISABLE TRIGGER t_off;
ALTER TABLE public.animal ENABLE ALWAYS TRIGGER t_always;
ALTER TABLE public.animal ENABLE REPLICA TRIGGER t_replica;
ALTER TABLE sales.events_eu_24 DISABLE TRIGGER t_part;
COMMENT ON TRIGGER t_on ON public.animal IS 'fires';

-- Row security, grants.
ALTER TABLE public.coded ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.coded FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.coded AS RESTRICTIVE FOR SELECT USING (code = CURRENT_USER) ;
GRANT SELECT ON public.coded TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO PUBLIC;
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.on_ddl();
ALTER EVENT TRIGGER watch DISABLE;
CREATE PUBLICATION nobody_wants FOR TABLE public.a;
