-- What holds the shop together: keys, indexes, views, code, triggers. After the data, so that loading is quick.
ALTER TABLE customers
    ADD CONSTRAINT customers_email_key UNIQUE (email),
    ADD CONSTRAINT customers_username_key UNIQUE (username),
    ADD CONSTRAINT customers_referred_by_fkey FOREIGN KEY (referred_by) REFERENCES customers ON DELETE SET NULL;
CREATE UNIQUE INDEX customers_gold_phone ON customers (phone) WHERE tier = 'Gold+';
CREATE INDEX customers_normalized_name ON customers (normalized(name));
CREATE INDEX customers_tags ON customers USING gin (tags);

ALTER TABLE "Product Category"
    ADD CONSTRAINT "Category parent" FOREIGN KEY ("parentId") REFERENCES "Product Category" ("Id");
ALTER TABLE products
    ADD CONSTRAINT products_sku_key UNIQUE (sku),
    ADD CONSTRAINT products_category_fkey FOREIGN KEY (category_id) REFERENCES "Product Category" ("Id");
CREATE INDEX products_by_price ON products (price DESC NULLS LAST) INCLUDE (title);
CREATE INDEX products_words ON products USING gin (to_tsvector('simple', title));
ALTER TABLE product_images
    ADD CONSTRAINT product_images_order UNIQUE (product_id, sort_order) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT product_images_product_fkey FOREIGN KEY (product_id) REFERENCES products ON DELETE CASCADE;
ALTER TABLE inventory ADD CONSTRAINT inventory_product_fkey FOREIGN KEY (product_id) REFERENCES products;

ALTER TABLE orders
    ADD CONSTRAINT orders_external_ref_key UNIQUE (external_ref),
    ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers;
CREATE UNIQUE INDEX orders_one_cart ON orders (customer_id) WHERE status = 'cart';
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at DESC);
ALTER TABLE order_lines
    ADD CONSTRAINT order_lines_order_fkey FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE,
    ADD CONSTRAINT order_lines_product_fkey FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE invoices
    ADD CONSTRAINT invoices_order_key UNIQUE (order_id),
    ADD CONSTRAINT invoices_order_fkey FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE;

CREATE INDEX events_by_customer ON events (customer_id, occurred_at);
CREATE INDEX page_views_by_path ON page_views (path, viewed_at);
ALTER TABLE journal
    ADD CONSTRAINT journal_debit_fkey FOREIGN KEY (debit) REFERENCES accounts DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT journal_credit_fkey FOREIGN KEY (credit) REFERENCES accounts;
ALTER TABLE "user" ADD CONSTRAINT "user manager" FOREIGN KEY (manager) REFERENCES "user" ("Login") ON UPDATE CASCADE;
ALTER TABLE coupons ADD CONSTRAINT coupons_campaign_customer UNIQUE NULLS NOT DISTINCT (campaign, customer_id, percent);
ALTER TABLE seats ADD CONSTRAINT seats_place UNIQUE (venue, place);
ALTER TABLE reservations ADD CONSTRAINT reservations_overlap EXCLUDE USING gist (room WITH =, during WITH &&);
CREATE STATISTICS orders_status_currency (dependencies) ON status, currency FROM orders;

CREATE VIEW order_totals AS
    SELECT o.id AS order_id, o.customer_id, o.status, sum(l.line_total) AS total, count(l.*) AS lines
    FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id GROUP BY o.id;
CREATE VIEW customer_value AS
    SELECT c.id, c.name, c.tier, COALESCE(sum(t.total), 0) AS value
    FROM customers c LEFT JOIN order_totals t ON t.customer_id = c.id GROUP BY c.id;
CREATE VIEW gold_customers AS SELECT id, email, name, tier FROM customers WHERE tier = 'Gold+' WITH LOCAL CHECK OPTION;
CREATE RULE gold_customers_stay AS ON DELETE TO gold_customers DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW sales_by_month AS
    SELECT date_trunc('month', placed_at AT TIME ZONE 'UTC') AS month, currency, count(*) AS orders
    FROM orders GROUP BY 1, 2;
CREATE UNIQUE INDEX sales_by_month_key ON sales_by_month (month, currency);
COMMENT ON VIEW customer_value IS 'What each customer has bought';
COMMENT ON MATERIALIZED VIEW sales_by_month IS 'Refreshed at night';

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE FUNCTION audit_order_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (what, details)
    VALUES ('order status', jsonb_build_object('order', NEW.id, 'from', OLD.status, 'to', NEW.status));
    RETURN NULL;
END
$$;
CREATE FUNCTION audit_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (what, details) SELECT 'reserved', jsonb_build_object('count', count(*)) FROM added;
    RETURN NULL;
END
$$;
CREATE PROCEDURE ship_order(wanted bigint) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET status = 'shipped' WHERE id = wanted AND status = 'paid';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'order % is not paid', wanted;
    END IF;
END
$$;
COMMENT ON PROCEDURE ship_order(bigint) IS 'Marks a paid order as shipped; else raises';

CREATE TRIGGER customers_touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER inventory_touch BEFORE UPDATE OF quantity, reserved ON inventory FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER orders_audit AFTER UPDATE OF status ON orders FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION audit_order_status();
-- Fires for replicated changes too, so whoever applies changes must hold it off or the audit doubles.
ALTER TABLE orders ENABLE ALWAYS TRIGGER orders_audit;
CREATE TRIGGER reservations_audit AFTER INSERT ON reservations
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_reservations();
-- Switched off by its owner, and to stay so.
CREATE TRIGGER products_touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE products DISABLE TRIGGER products_touch;
-- There, but row security is not enabled on the table.
CREATE POLICY documents_readers ON documents FOR SELECT USING (revision > 0);
ANALYZE;
