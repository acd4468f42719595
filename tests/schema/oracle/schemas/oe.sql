CREATE TYPE oe.cust_address_typ AS OBJECT (street_address VARCHAR2(40), postal_code VARCHAR2(10), city VARCHAR2(30),
  state_province VARCHAR2(10), country_id CHAR(2));
CREATE TYPE oe.phone_list_typ AS VARRAY (5) OF VARCHAR2(25);
CREATE TYPE oe.warehouse_typ AS OBJECT (warehouse_id NUMBER(3), warehouse_name VARCHAR2(35), location_id NUMBER(4));
CREATE TYPE oe.inventory_typ AS OBJECT (product_id NUMBER(6), warehouse oe.warehouse_typ, quantity_on_hand NUMBER(8));
CREATE TYPE oe.inventory_list_typ AS TABLE OF oe.inventory_typ;
CREATE TABLE oe.customers (
  customer_id NUMBER(6),
  cust_first_name VARCHAR2(20) CONSTRAINT cust_fname_nn NOT NULL,
  cust_last_name VARCHAR2(20) CONSTRAINT cust_lname_nn NOT NULL,
  cust_address oe.cust_address_typ,
  phone_numbers oe.phone_list_typ,
  nls_language VARCHAR2(3),
  nls_territory VARCHAR2(30),
  credit_limit NUMBER(9,2),
  cust_email VARCHAR2(40),
  account_mgr_id NUMBER(6),
  cust_geo_location SDO_GEOMETRY,
  date_of_birth DATE,
  marital_status VARCHAR2(20),
  gender VARCHAR2(1),
  income_level VARCHAR2(20),
  CONSTRAINT customers_pk PRIMARY KEY (customer_id),
  CONSTRAINT customer_credit_limit_max CHECK (credit_limit <= 5000),
  CONSTRAINT customer_id_min CHECK (customer_id > 0)
);
CREATE TABLE oe.warehouses (
  warehouse_id NUMBER(3),
  warehouse_spec XMLTYPE,
  warehouse_name VARCHAR2(35),
  location_id NUMBER(4),
  wh_geo_location SDO_GEOMETRY,
  CONSTRAINT warehouses_pk PRIMARY KEY (warehouse_id)
);
CREATE TABLE oe.promotions (promo_id NUMBER(6), promo_name VARCHAR2(20), CONSTRAINT promo_id_pk PRIMARY KEY (promo_id));
CREATE TABLE oe.orders (
  order_id NUMBER(12),
  order_date TIMESTAMP WITH LOCAL TIME ZONE CONSTRAINT order_date_nn NOT NULL,
  order_mode VARCHAR2(8),
  customer_id NUMBER(6) CONSTRAINT order_customer_id_nn NOT NULL,
  order_status NUMBER(2),
  order_total NUMBER(8,2),
  sales_rep_id NUMBER(6),
  promotion_id NUMBER(6),
  CONSTRAINT order_pk PRIMARY KEY (order_id),
  CONSTRAINT order_mode_lov CHECK (order_mode IN ('direct','online')),
  CONSTRAINT order_total_min CHECK (order_total >= 0),
  CONSTRAINT orders_customer_id_fk FOREIGN KEY (customer_id) REFERENCES oe.customers (customer_id) ON DELETE SET NULL
);
CREATE TABLE oe.product_information (
  product_id NUMBER(6),
  product_name VARCHAR2(50),
  product_description VARCHAR2(2000),
  category_id NUMBER(2),
  weight_class NUMBER(1),
  warranty_period INTERVAL YEAR(2) TO MONTH,
  supplier_id NUMBER(6),
  product_status VARCHAR2(20),
  list_price NUMBER(8,2),
  min_price NUMBER(8,2),
  catalog_url VARCHAR2(50),
  CONSTRAINT product_information_pk PRIMARY KEY (product_id),
  CONSTRAINT product_status_lov CHECK (product_status IN ('orderable', 'planned', 'under development', 'obsolete'))
);
CREATE TABLE oe.order_items (
  order_id NUMBER(12),
  line_item_id NUMBER(3) NOT NULL,
  product_id NUMBER(6) NOT NULL,
  unit_price NUMBER(8,2),
  quantity NUMBER(8),
  CONSTRAINT order_items_pk PRIMARY KEY (order_id, line_item_id),
  CONSTRAINT order_items_order_id_fk FOREIGN KEY (order_id) REFERENCES oe.orders (order_id) ON DELETE CASCADE NOVALIDATE,
  CONSTRAINT order_items_product_id_fk FOREIGN KEY (product_id) REFERENCES oe.product_information (product_id)
);
CREATE TABLE oe.inventories (
  product_id NUMBER(6),
  warehouse_id NUMBER(3) CONSTRAINT inventory_warehouse_id_nn NOT NULL,
  quantity_on_hand NUMBER(8) CONSTRAINT inventory_qoh_nn NOT NULL,
  CONSTRAINT inventory_pk PRIMARY KEY (product_id, warehouse_id),
  CONSTRAINT inventories_warehouses_fk FOREIGN KEY (warehouse_id) REFERENCES oe.warehouses (warehouse_id) NOVALIDATE,
  CONSTRAINT inventories_product_id_fk FOREIGN KEY (product_id) REFERENCES oe.product_information (product_id)
);
CREATE TABLE oe.product_descriptions (
  product_id NUMBER(6),
  language_id VARCHAR2(3),
  translated_name NVARCHAR2(50) CONSTRAINT translated_name_nn NOT NULL,
  translated_description NVARCHAR2(2000) CONSTRAINT translated_desc_nn NOT NULL,
  CONSTRAINT product_descriptions_pk PRIMARY KEY (product_id, language_id)
);
CREATE UNIQUE INDEX oe.order_items_uk ON oe.order_items (order_id, product_id);
CREATE INDEX oe.inventory_ix ON oe.inventories (warehouse_id, product_id);
CREATE INDEX oe.item_order_ix ON oe.order_items (order_id) REVERSE;
CREATE INDEX oe.item_product_ix ON oe.order_items (product_id) REVERSE;
CREATE INDEX oe.ord_order_date_ix ON oe.orders (order_date);
CREATE INDEX oe.cust_lname_ix ON oe.customers (cust_last_name);
CREATE INDEX oe.cust_upper_name_ix ON oe.customers (UPPER("CUST_LAST_NAME"), UPPER("CUST_FIRST_NAME"));
CREATE INDEX oe.whs_location_ix ON oe.warehouses (location_id);
CREATE INDEX oe.prod_name_ix ON oe.product_descriptions (translated_name);
CREATE SEQUENCE oe.orders_seq START WITH 1000 NOCACHE;
CREATE SYNONYM oe.countries FOR hr.countries;
CREATE SYNONYM oe.locations FOR hr.locations;
CREATE SYNONYM oe.departments FOR hr.departments;
CREATE SYNONYM oe.employees FOR hr.employees;
CREATE SYNONYM oe.clients FOR oe.promotions;
CREATE VIEW oe.products (product_id, language_id, product_name, category_id, product_description, weight_class, warranty_period,
  supplier_id, product_status, list_price, min_price, catalog_url) AS
SELECT i.product_id, d.language_id,
  CASE WHEN d.language_id IS NOT NULL THEN d.translated_name ELSE TRANSLATE(i.product_name USING NCHAR_CS) END AS product_name,
  i.category_id,
  CASE WHEN d.language_id IS NOT NULL THEN d.translated_description
    ELSE TRANSLATE(i.product_description USING NCHAR_CS) END AS product_description,
  i.weight_class, i.warranty_period, i.supplier_id, i.product_status, i.list_price, i.min_price, i.catalog_url
FROM product_information i, product_descriptions d
WHERE d.product_id (+) = i.product_id AND d.language_id (+) = SYS_CONTEXT('USERENV', 'LANG');
CREATE VIEW oe.sydney_inventory (product_id, product_name, quantity_on_hand) AS
SELECT p.product_id, p.product_name, i.quantity_on_hand
FROM inventories i, warehouses w, products p
WHERE p.product_id = i.product_id AND i.warehouse_id = w.warehouse_id AND w.warehouse_name = 'Sydney';
CREATE VIEW oe.product_prices (category_id, products, low_price, high_price) AS
SELECT category_id, COUNT(*) AS "#_OF_PRODUCTS", MIN(list_price) AS low_price, MAX(list_price) AS high_price
FROM product_information
GROUP BY category_id;
CREATE VIEW oe.account_managers (acct_mgr, region, country, province, num_customers) AS
SELECT c.account_mgr_id ACCT_MGR, cr.region_id REGION, c.nls_territory COUNTRY, c.marital_status PROVINCE, COUNT(*) NUM_CUSTOMERS
FROM customers c, countries cr
WHERE c.nls_territory = cr.country_id
GROUP BY ROLLUP (c.account_mgr_id, cr.region_id, c.nls_territory, c.marital_status);
CREATE VIEW oe.orders_view (order_id, order_date, order_mode, customer_id, order_status, order_total) AS
SELECT order_id, TO_DATE(TO_CHAR(order_date, 'DD-MON-YY HH:MI:SS'), 'DD-MON-YY HH:MI:SS') ORDER_DATE, order_mode, customer_id,
  order_status, order_total
FROM orders;
CREATE VIEW oe.late_orders (order_id, customer, total) AS
SELECT o.order_id, c.cust_first_name || ' ' || c.cust_last_name, NVL(o.order_total, 0)
FROM orders o, customers c, promotions p
WHERE o.customer_id = c.customer_id AND o.promotion_id = p.promo_id (+)
  AND o.order_date < SYSTIMESTAMP - INTERVAL '30' DAY;
CREATE OR REPLACE TRIGGER oe.insert_ord_line BEFORE INSERT ON oe.order_items FOR EACH ROW
DECLARE
  new_line number;
BEGIN
  SELECT (NVL(MAX(line_item_id),0)+1) INTO new_line FROM order_items WHERE order_id = :new.order_id;
  :new.line_item_id := new_line;
END;
/
CREATE OR REPLACE FUNCTION oe.get_phone_number_f (p_in INTEGER, p_phonelist phone_list_typ) RETURN VARCHAR2 AS
  TYPE phone_list IS VARRAY(5) OF VARCHAR2(25);
BEGIN
  RETURN p_phonelist(p_in);
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END;
/
GRANT SELECT, INSERT ON oe.orders TO pm;
