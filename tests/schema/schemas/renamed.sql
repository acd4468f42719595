-- Every place in which a schema's name stands; nothing here needs a superuser.
CREATE SCHEMA sales;
COMMENT ON SCHEMA sales IS 'the sales schema';
CREATE TYPE sales.state AS ENUM ('open', 'closed');
CREATE DOMAIN sales.code AS text CHECK (VALUE <> 'sales.');
CREATE TABLE sales.sales (id serial PRIMARY KEY, sales sales.state DEFAULT 'open'::sales.state, code sales.code UNIQUE);
CREATE TABLE sales.line (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sales_id integer REFERENCES sales.sales ON DELETE CASCADE,
    note text DEFAULT 'see sales.sales');
CREATE TABLE sales.log (at date NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE sales.log_old PARTITION OF sales.log FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE INDEX ON sales.log (at);
CREATE FUNCTION sales.count_sales() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(sales.id) FROM sales.sales; END;
CREATE FUNCTION sales.with_path() RETURNS integer LANGUAGE sql SET search_path TO sales, pg_temp AS 'SELECT 1';
CREATE FUNCTION sales.in_sql() RETURNS bigint LANGUAGE sql AS $$ SELECT count(sales.id) FROM sales.sales $$;
CREATE FUNCTION sales.in_quotes() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r sales.sales%ROWTYPE; n bigint;
BEGIN SELECT count(sales.id) INTO n FROM sales.sales; RETURN n; END $$;
CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE VIEW sales.v AS SELECT sales.id, sales.sales, count(l.id) AS lines FROM sales.sales LEFT JOIN sales.line l ON l.sales_id = sales.id GROUP BY sales.id;
CREATE MATERIALIZED VIEW sales.m AS SELECT * FROM sales.v WHERE sales = 'open'::sales.state;
CREATE UNIQUE INDEX m_id ON sales.m (id);
CREATE TRIGGER touch BEFORE UPDATE OF sales ON sales.sales FOR EACH ROW WHEN (new.sales = 'open'::sales.state) EXECUTE FUNCTION sales.touch('sales.x');
CREATE RULE r AS ON UPDATE TO sales.v DO INSTEAD UPDATE sales.sales SET sales = new.sales WHERE sales.id = old.id;
ALTER TABLE sales.line ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON sales.line USING (EXISTS (SELECT FROM sales.sales WHERE sales.id = line.sales_id));
CREATE STATISTICS sales.st ON sales, code FROM sales.sales;
