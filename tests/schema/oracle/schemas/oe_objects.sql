CREATE TYPE oe.category_typ AS OBJECT (category_name VARCHAR2(50), category_description VARCHAR2(1000), category_id NUMBER(2),
  parent_category_id NUMBER(2));
CREATE TYPE oe.leaf_category_typ AS OBJECT (category_name VARCHAR2(50), category_description VARCHAR2(1000), category_id NUMBER(2),
  parent_category_id NUMBER(2), product_ref_list oe.product_ref_list_typ);
CREATE TYPE oe.catalog_typ AS OBJECT (category_name VARCHAR2(50), category_id NUMBER(2));
CREATE TYPE oe.subcategory_ref_list_typ AS TABLE OF oe.category_typ;
CREATE TYPE oe.product_ref_list_typ AS TABLE OF NUMBER(6);
CREATE TYPE oe.order_item_typ AS OBJECT (order_id NUMBER(12), line_item_id NUMBER(3), quantity NUMBER(8));
CREATE TYPE oe.order_item_list_typ AS TABLE OF oe.order_item_typ;
CREATE TYPE oe.customer_typ AS OBJECT (customer_id NUMBER(6), cust_orders NUMBER(1));
CREATE TYPE oe.order_typ AS OBJECT (order_id NUMBER(12), customer_ref oe.customer_typ, order_item_list oe.order_item_list_typ);
CREATE TYPE oe.corporate_customer_typ AS OBJECT (customer_id NUMBER(6), account_mgr_id NUMBER(6));
CREATE OR REPLACE TYPE BODY oe.catalog_typ AS
  OVERRIDING MEMBER FUNCTION getcatalogname RETURN varchar2 IS
  BEGIN
    RETURN self.category_name;
  END;
END;
/
CREATE TABLE oe.print_media (product_id NUMBER(6) NOT NULL, ad_id NUMBER(6) NOT NULL, ad_text CLOB, ad_graphic BFILE,
  ad_textdocs_ntab oe.order_item_list_typ, ad_owner oe.customer_typ,
  CONSTRAINT printmedia_pk PRIMARY KEY (product_id, ad_id));
CREATE VIEW oe.oc_customers (customer_id, cust_orders) AS
SELECT c.customer_id, 0 FROM customers c;
CREATE VIEW oe.oc_orders (order_id, items) AS
SELECT o.order_id, CAST(MULTISET(SELECT l.order_id, l.line_item_id, l.quantity FROM order_items l WHERE o.order_id = l.order_id)
  AS order_item_list_typ) FROM orders o;
CREATE VIEW oe.categories (category_name) AS
SELECT c.category_name FROM categories_tab c;
CREATE VIEW oe.bombay_inventory (product_id) AS
SELECT po.object_value.product_id FROM purchaseorder po;
CREATE VIEW oe.of_items (quantity) AS
SELECT i.quantity FROM print_media p, TABLE(p.ad_textdocs_ntab) i;
CREATE OR REPLACE TRIGGER oe.orders_trg INSTEAD OF INSERT ON oe.oc_orders FOR EACH ROW
BEGIN
  INSERT INTO orders (order_id) VALUES (:new.order_id);
END;
/
COMMENT ON TABLE oe.oc_customers IS 'a view of objects';
COMMENT ON COLUMN oe.categories_tab.category_id IS 'in a table of objects';
COMMENT ON COLUMN oe.print_media.ad_graphic IS 'of a column that is left out';
COMMENT ON COLUMN oe.print_media.ad_text IS 'it''s kept';
COMMENT ON TABLE oe.print_media IS 'advertisements';
GRANT SELECT ON oe.categories_tab TO pm;
GRANT EXECUTE ON oe.catalog_typ TO pm;
GRANT SELECT, DEBUG ON oe.print_media TO pm;
