-- What only PostgreSQL 18 has, and circles that a dump has to break.
CREATE TABLE public.rooms (id int4range, during int4range, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE public.stays (room int4range, during int4range, FOREIGN KEY (room, PERIOD during) REFERENCES public.rooms (id, PERIOD during));
CREATE TABLE public.virtual (a integer CONSTRAINT a_is_there NOT NULL, twice integer GENERATED ALWAYS AS (a * 2) VIRTUAL,
    b integer CONSTRAINT not_enforced CHECK (b > 0) NOT ENFORCED, c integer);
ALTER TABLE public.virtual ADD CONSTRAINT c_later NOT NULL c NOT VALID;
CREATE TABLE public.parent (id integer NOT NULL NO INHERIT, b integer);
CREATE TABLE public.child (b integer CONSTRAINT b_local NOT NULL) INHERITS (public.parent);
CREATE TABLE public.fk_off (a integer, UNIQUE (a), FOREIGN KEY (a) REFERENCES public.fk_off (a) NOT ENFORCED);
CREATE VIEW public.circle AS SELECT 1 AS id;
CREATE FUNCTION public.of_circle() RETURNS SETOF public.circle LANGUAGE sql STABLE AS 'SELECT 1';
CREATE OR REPLACE VIEW public.circle AS SELECT id FROM public.of_circle();
CREATE TABLE public.checked (id integer PRIMARY KEY);
CREATE FUNCTION public.known(public.checked) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
ALTER TABLE public.checked ADD CONSTRAINT is_known CHECK (public.known(checked));
CREATE TYPE public.rec AS (id integer, tags text[]);
CREATE TABLE public.holds (r public.rec, d integer DEFAULT 1, e integer[] NOT NULL DEFAULT ARRAY[1, 2]);
CREATE TABLE public.log (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now()) PARTITION BY RANGE (id);
CREATE TABLE public.log_1 PARTITION OF public.log FOR VALUES FROM (1) TO (100);
CREATE TABLE public.log_2 (at timestamptz, id bigint NOT NULL);
ALTER TABLE public.log ATTACH PARTITION public.log_2 FOR VALUES FROM (100) TO (200);
ALTER TABLE public.log_2 ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX log_1_id ON public.log_1 (id);
CREATE INDEX partly ON ONLY public.log (at);
CREATE TABLE public.upserted (id integer PRIMARY KEY, u integer CONSTRAINT upserted_u UNIQUE);
CREATE FUNCTION public.upsert(v integer) RETURNS void LANGUAGE sql
BEGIN ATOMIC INSERT INTO public.upserted (id, u) VALUES (v, v) ON CONFLICT ON CONSTRAINT upserted_u DO NOTHING; END;
COMMENT ON FUNCTION public.upsert IS 'waits for its constraint';
