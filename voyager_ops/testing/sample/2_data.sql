-- The shop's data, made by the server from row numbers: the same rows every time. Sizes follow the setting sample.scale.
CREATE TEMPORARY TABLE n ON COMMIT DROP AS
SELECT
    greatest(50, 60000 * scale)::int AS customers,
    greatest(20, 200 * scale)::int AS categories,
    greatest(40, 15000 * scale)::int AS products,
    greatest(20, 500 * scale)::int AS images,
    greatest(20, 500 * scale)::int AS documents,
    greatest(40, 15000 * scale)::int * 4 AS inventory,
    greatest(100, 200000 * scale)::int AS orders,
    greatest(60, 80000 * scale)::int AS invoices,
    greatest(20, 10000 * scale)::int AS audit,
    greatest(100, 220000 * scale)::int AS events,
    greatest(30, 20000 * scale)::int AS sessions,
    greatest(100, 20000 * scale)::int AS views,
    greatest(20, 1000 * scale)::int AS accounts,
    greatest(100, 10000 * scale)::int AS journal,
    greatest(20, 5000 * scale)::int AS coupons,
    greatest(40, 2000 * scale)::int AS seats,
    greatest(40, 5000 * scale)::int AS reservations,
    greatest(20, 3000 * scale)::int AS surveys,
    greatest(40, 2000 * scale)::int AS samples
FROM (SELECT current_setting('sample.scale')::float8 AS scale) AS wanted;

INSERT INTO customers (id, email, username, name, tier, phone, address, tags, preferences, credit, newsletter, referred_by, signed_up)
SELECT i, 'Customer.' || i || '@example.com', 'user' || i,
       (ARRAY['Ada', 'Grace', 'Edsger', 'Barbara', 'Łukasz', '李'])[1 + i % 6] || ' ' || md5(i::text),
       (ARRAY['basic', 'silver', 'Gold+'])[1 + i % 3]::customer_tier,
       CASE WHEN i % 4 > 0 THEN '+49' || (1000000 + i) END,
       CASE WHEN i % 5 > 0 THEN ROW(i || ' "Main" St, rear', 'Town\' || i % 100, lpad((i % 99999)::text, 5, '0'), 'DE')::postal_address END,
       CASE i % 4 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['a,b', 'c"d'] WHEN 2 THEN ARRAY['x', NULL] ELSE ARRAY['{brace}', ''] END,
       jsonb_build_object('theme', i % 2, 'langs', jsonb_build_array('de', 'en'), 'ratio', i / 8.0),
       (i % 100000) / 16.0, (ARRAY[true, false, NULL])[1 + i % 3],
       CASE WHEN i > 10 AND i % 7 = 0 THEN 1 + i % 10 END,
       timestamptz '2020-01-01 00:00+00' + i * interval '37 minutes 1.000001 seconds'
FROM n, generate_series(1, n.customers) AS i;

INSERT INTO "Product Category"
SELECT i, CASE WHEN i > 10 THEN 1 + i % 10 END, 'Category ' || i, i % 50, CASE WHEN i % 2 = 0 THEN E'tab\there\nand \\ there' END
FROM n, generate_series(1, n.categories) AS i;

INSERT INTO products (id, sku, category_id, title, description, price, weight, dimensions, attributes, warranty, released, thumbnail)
OVERRIDING SYSTEM VALUE
SELECT i, 'SKU-' || lpad(i::text, 8, '0'), 1 + i % n.categories, 'Product ' || i,
       CASE WHEN i % 10 > 0 THEN repeat('Lorem ipsum ' || md5(i::text) || ' ', 1 + i % 6) END,
       (i * 37 % 50000) / 100.0, (i % 1000) / 3.0, ARRAY[i / 7.0, i % 13, 1e-7 * i],
       jsonb_build_object('colour', (ARRAY['red', 'blue', null])[1 + i % 3], 'size', i % 60),
       (i % 36) * interval '1 month' + (i % 3) * interval '1 day', date '2015-01-01' + i % 4000,
       CASE WHEN i % 3 = 0 THEN decode(md5(i::text) || md5((-i)::text), 'hex') END
FROM n, generate_series(1, n.products) AS i;

INSERT INTO product_images (id, product_id, sort_order, caption, content)
SELECT md5('image' || i)::uuid, 1 + i % n.products, i / n.products, 'Image ' || i,
       decode((SELECT string_agg(md5(i || '/' || k), '') FROM generate_series(1, 200 + i % 700) AS k), 'hex')
FROM n, generate_series(1, n.images) AS i;

INSERT INTO documents (id, title, body, appendix)
OVERRIDING SYSTEM VALUE
SELECT 2 * i - 1, 'Document ' || i,
       (SELECT string_agg(md5(i || '-' || k), ' ') FROM generate_series(1, 100 + i % 400) AS k),
       CASE WHEN i % 3 = 0 THEN repeat('appendix ', 3000 + i % 1000) END
FROM n, generate_series(1, n.documents) AS i;

INSERT INTO inventory (warehouse, product_id, quantity, reserved)
SELECT w, i, 100 + (i * w) % 900, i % 50 FROM n, generate_series(1, n.products) AS i, generate_series(1, 4) AS w;

INSERT INTO orders (id, customer_id, external_ref, status, currency, shipping, metadata, placed_at)
SELECT i, 1 + (i * 7919::bigint) % n.customers, md5('order' || i)::uuid,
       CASE WHEN i <= n.customers / 20 THEN 'cart'
            ELSE (ARRAY['placed', 'on hold', 'paid', 'shipped', 'returned', 'O''Connor check'])[1 + i % 6] END::order_status,
       (ARRAY['EUR', 'USD', 'JPY'])[1 + i % 3],
       CASE WHEN i % 3 = 0 THEN ROW('Elsewhere ' || i, 'Ville', NULL, 'FR')::postal_address END,
       CASE WHEN i % 4 = 0 THEN jsonb_build_object('channel', 'web', 'try', i % 5) END,
       timestamptz '2025-01-01 00:00+00' + i * interval '2 minutes'
FROM n, generate_series(1, n.orders) AS i;

INSERT INTO order_lines (order_id, line_no, product_id, quantity, unit_price, discount)
SELECT i, k, 1 + (i * 31::bigint + k * 17) % n.products, 1 + (i + k) % 5, (i * 13::bigint + k) % 9000 / 100.0,
       CASE WHEN i % 4 = 0 THEN (i % 50) / 100.0 END
FROM n, generate_series(1, n.orders) AS i, generate_series(1, 1 + i % 3) AS k;

INSERT INTO invoices (number, order_id, issued_on, amount)
SELECT 100000 + 10 * (i - 1), i, date '2025-01-01' + i % 500, (i * 17::bigint % 100000) / 100.0
FROM n, generate_series(1, n.invoices) AS i;

INSERT INTO audit_log (id, what, details, at, by)
SELECT i, 'imported', jsonb_build_object('row', i), timestamptz '2025-06-01 00:00+00' + i * interval '1 second', 'import'
FROM n, generate_series(1, n.audit) AS i;

INSERT INTO events (event_id, occurred_at, region, kind, customer_id, payload)
SELECT i, timestamptz '2025-12-01 00:00+00' + i * (interval '400 days' / n.events), (ARRAY['eu', 'uk', 'us', 'apac'])[1 + i % 4],
       (ARRAY['login', 'search', 'click', 'buy'])[1 + i % 4], 1 + i % n.customers,
       CASE WHEN i % 3 > 0 THEN jsonb_build_object('page', i % 500, 'ms', i % 3000) END
FROM n, generate_series(1, n.events) AS i;

INSERT INTO sessions (token, customer_id, client, started, data)
SELECT md5('session' || i)::uuid, 1 + i % n.customers, ('10.' || i % 200 || '.' || i / 200 % 250 || '.7')::inet,
       timestamptz '2026-01-01 00:00+00' + i * interval '10 seconds', jsonb_build_object('hits', i % 90)
FROM n, generate_series(1, n.sessions) AS i;

INSERT INTO page_views (path, viewed_at, visitor, duration, referrer)
SELECT '/p/' || i % 400, timestamp '2026-01-01 00:00' + (i % 5000) * interval '1 minute',
       CASE WHEN i % 5 > 0 THEN ('192.0.2.' || i % 200)::inet END, (i % 100) * interval '1.5 seconds',
       CASE i % 3 WHEN 0 THEN 'https://example.com/?q=' || i % 20 WHEN 1 THEN '' END
FROM n, generate_series(1, n.views) AS i;
INSERT INTO page_views SELECT v.* FROM page_views AS v LIMIT 50;

INSERT INTO journal (id, debit, credit, amount, booked_at)
SELECT i, 1 + i % n.accounts, 1 + (i + 1 + i % (n.accounts - 1)) % n.accounts, (1 + i % 400) / 100.0,
       timestamptz '2026-01-01 00:00+00' + i * interval '1 minute'
FROM n, generate_series(1, n.journal) AS i;
INSERT INTO accounts (account_no, holder, opening, balance)
SELECT i, 'Holder ' || i, 10000,
       10000 - (SELECT COALESCE(sum(amount), 0) FROM journal WHERE debit = i) + (SELECT COALESCE(sum(amount), 0) FROM journal WHERE credit = i)
FROM n, generate_series(1, n.accounts) AS i;

INSERT INTO "user"
SELECT 'login' || i, i % 2 = 0, CASE WHEN i % 3 > 0 THEN 'Group ' || i % 3 END, date '2020-02-29' + i, CASE WHEN i > 5 THEN 'login' || 1 + i % 5 END
FROM generate_series(1, 60) AS i;

INSERT INTO coupons (code, campaign, customer_id, percent, valid_for)
SELECT coupon_code(i), 'campaign ' || i % 9, CASE WHEN i > 9 THEN i % n.customers + 1 + 100000 * (i / n.customers) END, 1 + i % 90,
       CASE WHEN i % 4 > 0 THEN daterange(date '2026-01-01' + i % 300, CASE WHEN i % 3 > 0 THEN date '2027-01-01' END) END
FROM n, generate_series(1, n.coupons) AS i;

INSERT INTO seats (id, venue, place, label) SELECT i, i / 20, i % 20, 'Seat ' || i FROM n, generate_series(1, n.seats) AS i;

INSERT INTO reservations (id, room, during, guest)
SELECT md5('room' || i)::uuid, i % 20,
       tstzrange(timestamptz '2026-01-01 00:00+00' + i / 20 * interval '2 hours', timestamptz '2026-01-01 01:30+00' + i / 20 * interval '2 hours'),
       'Guest ' || i
FROM n, generate_series(1, n.reservations) AS i;

INSERT INTO exchange_rates (currency, day, rate)
SELECT currency, date '2026-01-01' + d, 1 + (d + length(currency)) / 7.0
FROM unnest(ARRAY['USD', 'JPY', 'GBP', 'CHF']) AS currency, generate_series(0, 24) AS d;

INSERT INTO survey_answers (id, q01, q05, q08, q09, q12, q16, q17, q24, q25, q29, q33, q35, q37, q39, q40)
SELECT i, i, i % 5, -i, 'answer ' || i, repeat('x', i % 200), E'line\nbreak', i / 7.0, i, i % 2 = 0, date '2026-01-01' + i % 300,
       i / 3.0::float8, (i / 3.0)::real, i * 1000000007::bigint, i % 30000, -(i % 30000)
FROM n, generate_series(1, n.surveys) AS i;

INSERT INTO type_samples
SELECT i, CASE WHEN i % 3 > 0 THEN (i % 65536 - 32768)::smallint END, CASE i % 4 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE i END,
       CASE i % 7 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN 1.0 WHEN 4 THEN 1.00
                  WHEN 5 THEN 12345678901234567890123456789.123456789012345678901234567890 ELSE 1e-20 * i END::numeric,
       i / 3.0, CASE i % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN '1e-38' ELSE i::text END::real,
       CASE i % 5 WHEN 0 THEN 'Infinity' WHEN 1 THEN '-0' WHEN 2 THEN '2.2250738585072014e-308' WHEN 3 THEN '0.1' ELSE i::text END::float8,
       CASE WHEN i % 4 > 0 THEN 'c' || i % 1000 END, CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN '  spaces  ' END,
       CASE i % 5 WHEN 0 THEN E'\\N' WHEN 1 THEN E'tab\tnewline\ncarriage\rback\\slash' WHEN 2 THEN 'Ωß漢字😀' WHEN 3 THEN E'\u0001' END,
       CASE i % 4 WHEN 0 THEN '\x'::bytea WHEN 1 THEN '\x00ff5c27'::bytea WHEN 2 THEN decode(md5(i::text), 'hex') END,
       CASE i % 5 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '0044-03-15 BC' WHEN 3 THEN '9999-12-31' END::date,
       CASE WHEN i % 2 = 0 THEN time '24:00:00' ELSE time '00:00:00.000001' END, timetz '12:34:56.789+05:30',
       CASE i % 4 WHEN 0 THEN 'infinity' WHEN 1 THEN '0001-01-01 00:00:00 BC' ELSE '2026-02-28 23:59:59.999999' END::timestamp,
       CASE i % 4 WHEN 0 THEN '-infinity' WHEN 1 THEN '1900-01-01 00:00:00+00' ELSE '2026-10-25 01:30:00+00' END::timestamptz,
       timestamp '2026-01-01 12:00:00.6', CASE i % 4 WHEN 0 THEN '1 day' WHEN 1 THEN '24 hours' WHEN 2 THEN '1 mon -1 days +00:00:00.000001' END::interval,
       md5(i::text)::uuid, CASE WHEN i % 2 = 0 THEN '{"a":1,  "a":2, "z": [1, 2.0, "\u00e9"]}' ELSE 'null' END::json,
       CASE WHEN i % 2 = 0 THEN '{"a":{"b":[null,true,1.10]}}' ELSE 'null' END::jsonb,
       CASE WHEN i % 2 = 0 THEN '2001:db8::1/64' ELSE '192.0.2.5' END::inet, '198.51.100.0/24', '08:00:2b:01:02:03',
       (i % 256)::bit(8), CASE WHEN i % 2 = 0 THEN '' ELSE '10101' END::varbit, CASE i % 3 WHEN 0 THEN 'empty' WHEN 1 THEN '[1,10)' END::int4range,
       CASE WHEN i % 2 = 0 THEN '(,5.50]' END::numrange, point(i / 3.0, -i), to_tsvector('simple', 'the quick brown fox ' || i),
       CASE WHEN i % 2 = 0 THEN ARRAY[[1, 2], [3, NULL]] ELSE '{}' END,
       CASE i % 3 WHEN 0 THEN ARRAY['NULL', NULL, '', 'a"b', 'c\d', 'e,f', ' g '] WHEN 1 THEN '[0:1]={lower,bound}'::text[] END,
       CASE WHEN i % 2 = 0 THEN ARRAY['paid', 'O''Connor check']::order_status[] END,
       CASE i % 3 WHEN 0 THEN ROW(NULL, '', 'a"b(c),d', 'XX')::postal_address WHEN 1 THEN ROW(NULL, NULL, NULL, NULL)::postal_address END,
       i % 100, 'MiXeD' || i
FROM n, generate_series(1, n.samples) AS i;

-- Explicit key values do not advance the sequences behind them.
SELECT setval('customers_id_seq', (SELECT max(id) FROM customers)),
       setval('"Product Category_Id_seq"', (SELECT max("Id") FROM "Product Category")),
       setval('products_id_seq', (SELECT max(id) FROM products)),
       setval('documents_id_seq', (SELECT max(id) FROM documents)),
       setval('orders_id_seq', (SELECT max(id) FROM orders)),
       setval('invoice_numbers', (SELECT max(number) FROM invoices)),
       setval('audit_log_id_seq', (SELECT max(id) FROM audit_log)),
       setval('events_event_id_seq', (SELECT max(event_id) FROM events)),
       setval('journal_id_seq', (SELECT max(id) FROM journal)),
       setval('seats_id_seq', (SELECT max(id) FROM seats)),
       setval('survey_answers_id_seq', (SELECT max(id) FROM survey_answers)),
       setval('"Ticket Countdown"', -1234);
