CREATE TABLE sh.countries (
  country_id NUMBER NOT NULL,
  country_iso_code CHAR(2) NOT NULL,
  country_name VARCHAR2(40) NOT NULL,
  country_subregion VARCHAR2(30) NOT NULL,
  country_subregion_id NUMBER NOT NULL,
  country_region VARCHAR2(20) NOT NULL,
  country_region_id NUMBER NOT NULL,
  country_total VARCHAR2(11) NOT NULL,
  country_total_id NUMBER NOT NULL,
  CONSTRAINT countries_pk PRIMARY KEY (country_id)
);
CREATE TABLE sh.customers (
  cust_id NUMBER NOT NULL,
  cust_first_name VARCHAR2(20) NOT NULL,
  cust_last_name VARCHAR2(40) NOT NULL,
  cust_gender CHAR(1) NOT NULL,
  cust_year_of_birth NUMBER(4) NOT NULL,
  cust_marital_status VARCHAR2(20),
  cust_street_address VARCHAR2(40) NOT NULL,
  cust_postal_code VARCHAR2(10) NOT NULL,
  cust_city VARCHAR2(30) NOT NULL,
  cust_city_id NUMBER NOT NULL,
  cust_state_province VARCHAR2(40) NOT NULL,
  cust_state_province_id NUMBER NOT NULL,
  country_id NUMBER NOT NULL,
  cust_main_phone_number VARCHAR2(25) NOT NULL,
  cust_income_level VARCHAR2(30),
  cust_credit_limit NUMBER,
  cust_email VARCHAR2(50),
  cust_total VARCHAR2(14) NOT NULL,
  cust_total_id NUMBER NOT NULL,
  cust_src_id NUMBER,
  cust_eff_from DATE,
  cust_eff_to DATE,
  cust_valid VARCHAR2(1),
  CONSTRAINT customers_pk PRIMARY KEY (cust_id),
  CONSTRAINT customers_country_fk FOREIGN KEY (country_id) REFERENCES sh.countries (country_id)
);
CREATE TABLE sh.promotions (
  promo_id NUMBER(6) NOT NULL,
  promo_name VARCHAR2(30) NOT NULL,
  promo_subcategory VARCHAR2(30) NOT NULL,
  promo_subcategory_id NUMBER NOT NULL,
  promo_category VARCHAR2(30) NOT NULL,
  promo_category_id NUMBER NOT NULL,
  promo_cost NUMBER(10,2) NOT NULL,
  promo_begin_date DATE NOT NULL,
  promo_end_date DATE NOT NULL,
  promo_total VARCHAR2(15) NOT NULL,
  promo_total_id NUMBER NOT NULL,
  CONSTRAINT promo_pk PRIMARY KEY (promo_id)
);
CREATE TABLE sh.products (
  prod_id NUMBER(6) NOT NULL,
  prod_name VARCHAR2(50) NOT NULL,
  prod_desc VARCHAR2(4000) NOT NULL,
  prod_subcategory VARCHAR2(50) NOT NULL,
  prod_subcategory_id NUMBER NOT NULL,
  prod_subcategory_desc VARCHAR2(2000) NOT NULL,
  prod_category VARCHAR2(50) NOT NULL,
  prod_category_id NUMBER NOT NULL,
  prod_category_desc VARCHAR2(2000) NOT NULL,
  prod_weight_class NUMBER(3) NOT NULL,
  prod_unit_of_measure VARCHAR2(20),
  prod_pack_size VARCHAR2(30) NOT NULL,
  supplier_id NUMBER(6) NOT NULL,
  prod_status VARCHAR2(20) NOT NULL,
  prod_list_price NUMBER(8,2) NOT NULL,
  prod_min_price NUMBER(8,2) NOT NULL,
  prod_total VARCHAR2(13) NOT NULL,
  prod_total_id NUMBER NOT NULL,
  prod_src_id NUMBER,
  prod_eff_from DATE,
  prod_eff_to DATE,
  prod_valid VARCHAR2(1),
  CONSTRAINT products_pk PRIMARY KEY (prod_id)
);
CREATE TABLE sh.channels (
  channel_id NUMBER NOT NULL,
  channel_desc VARCHAR2(20) NOT NULL,
  channel_class VARCHAR2(20) NOT NULL,
  channel_class_id NUMBER NOT NULL,
  channel_total VARCHAR2(13) NOT NULL,
  channel_total_id NUMBER NOT NULL,
  CONSTRAINT channels_pk PRIMARY KEY (channel_id)
);
CREATE TABLE sh.times (
  time_id DATE NOT NULL,
  day_name VARCHAR2(9) NOT NULL,
  day_number_in_week NUMBER(1) NOT NULL,
  day_number_in_month NUMBER(2) NOT NULL,
  calendar_week_number NUMBER(2) NOT NULL,
  fiscal_week_number NUMBER(2) NOT NULL,
  week_ending_day DATE NOT NULL,
  calendar_month_number NUMBER(2) NOT NULL,
  calendar_month_desc VARCHAR2(8) NOT NULL,
  calendar_month_name VARCHAR2(9) NOT NULL,
  calendar_quarter_desc CHAR(7) NOT NULL,
  calendar_year NUMBER(4) NOT NULL,
  fiscal_year NUMBER(4) NOT NULL,
  CONSTRAINT times_pk PRIMARY KEY (time_id)
);
CREATE TABLE sh.sales (
  prod_id NUMBER NOT NULL,
  cust_id NUMBER NOT NULL,
  time_id DATE NOT NULL,
  channel_id NUMBER NOT NULL,
  promo_id NUMBER NOT NULL,
  quantity_sold NUMBER(10,2) NOT NULL,
  amount_sold NUMBER(10,2) NOT NULL
) PARTITION BY RANGE (time_id) (
  PARTITION sales_1995 VALUES LESS THAN (TO_DATE(' 1996-01-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')),
  PARTITION sales_h1_1997 VALUES LESS THAN (TO_DATE(' 1997-07-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')),
  PARTITION sales_q1_1998 VALUES LESS THAN (TO_DATE(' 1998-04-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')),
  PARTITION sales_q4_2003 VALUES LESS THAN (TO_DATE(' 2004-01-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN'))
);
ALTER TABLE sh.sales ADD CONSTRAINT sales_channel_fk FOREIGN KEY (channel_id) REFERENCES sh.channels NOVALIDATE;
ALTER TABLE sh.sales ADD CONSTRAINT sales_time_fk FOREIGN KEY (time_id) REFERENCES sh.times NOVALIDATE;
ALTER TABLE sh.sales ADD CONSTRAINT sales_product_fk FOREIGN KEY (prod_id) REFERENCES sh.products NOVALIDATE;
ALTER TABLE sh.sales ADD CONSTRAINT sales_customer_fk FOREIGN KEY (cust_id) REFERENCES sh.customers NOVALIDATE;
ALTER TABLE sh.sales ADD CONSTRAINT sales_promo_fk FOREIGN KEY (promo_id) REFERENCES sh.promotions DISABLE RELY;
CREATE TABLE sh.costs (
  prod_id NUMBER(6) NOT NULL,
  time_id DATE NOT NULL,
  promo_id NUMBER(6) NOT NULL,
  channel_id NUMBER NOT NULL,
  unit_cost NUMBER(10,2) NOT NULL,
  unit_price NUMBER(10,2) NOT NULL
) PARTITION BY RANGE (time_id) (
  PARTITION costs_1995 VALUES LESS THAN (TO_DATE(' 1996-01-01 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')),
  PARTITION costs_later VALUES LESS THAN (MAXVALUE)
);
ALTER TABLE sh.costs ADD CONSTRAINT costs_promo_fk FOREIGN KEY (promo_id) REFERENCES sh.promotions;
ALTER TABLE sh.costs ADD CONSTRAINT costs_product_fk FOREIGN KEY (prod_id) REFERENCES sh.products;
ALTER TABLE sh.costs ADD CONSTRAINT costs_time_fk FOREIGN KEY (time_id) REFERENCES sh.times;
ALTER TABLE sh.costs ADD CONSTRAINT costs_channel_fk FOREIGN KEY (channel_id) REFERENCES sh.channels;
CREATE TABLE sh.supplementary_demographics (
  cust_id NUMBER NOT NULL,
  education VARCHAR2(21),
  occupation VARCHAR2(21),
  household_size VARCHAR2(21),
  yrs_residence NUMBER,
  affinity_card NUMBER(10),
  comments VARCHAR2(4000),
  CONSTRAINT supp_demo_pk PRIMARY KEY (cust_id)
);
CREATE TABLE sh.sales_transactions_ext (prod_id NUMBER, time_id DATE, amount_sold NUMBER(10,2))
ORGANIZATION EXTERNAL (TYPE ORACLE_LOADER DEFAULT DIRECTORY data_file_dir LOCATION ('sale1v3.dat'));
CREATE BITMAP INDEX sh.sales_prod_bix ON sh.sales (prod_id);
CREATE BITMAP INDEX sh.sales_cust_bix ON sh.sales (cust_id);
CREATE BITMAP INDEX sh.sales_time_bix ON sh.sales (time_id);
CREATE BITMAP INDEX sh.costs_prod_bix ON sh.costs (prod_id);
CREATE INDEX sh.sup_text_idx ON sh.supplementary_demographics (comments) INDEXTYPE IS ctxsys.context;
CREATE BITMAP INDEX sh.customers_gender_bix ON sh.customers (cust_gender);
CREATE VIEW sh.profits (channel_id, cust_id, prod_id, promo_id, time_id, unit_cost, unit_price, amount_sold, quantity_sold, total_cost) AS
SELECT s.channel_id, s.cust_id, s.prod_id, s.promo_id, s.time_id, c.unit_cost, c.unit_price, s.amount_sold, s.quantity_sold,
  c.unit_cost * s.quantity_sold total_cost
FROM costs c, sales s
WHERE c.prod_id = s.prod_id AND c.time_id = s.time_id AND c.channel_id = s.channel_id AND c.promo_id = s.promo_id;
CREATE MATERIALIZED VIEW sh.cal_month_sales_mv (calendar_month_desc, dollars) BUILD IMMEDIATE REFRESH COMPLETE AS
SELECT t.calendar_month_desc, SUM(s.amount_sold) AS dollars
FROM sales s, times t
WHERE s.time_id = t.time_id
GROUP BY t.calendar_month_desc;
CREATE MATERIALIZED VIEW sh.fweek_pscat_sales_mv (week_ending_day, prod_subcategory, dollars, channel_id, promo_id) AS
SELECT t.week_ending_day, p.prod_subcategory, SUM(s.amount_sold) AS dollars, s.channel_id, s.promo_id
FROM sales s, times t, products p
WHERE s.time_id = t.time_id AND s.prod_id = p.prod_id
GROUP BY t.week_ending_day, p.prod_subcategory, s.channel_id, s.promo_id;
CREATE BITMAP INDEX sh.fw_psc_s_mv_subcat_bix ON sh.fweek_pscat_sales_mv (prod_subcategory);
COMMENT ON COLUMN sh.sales.prod_id IS 'FK to the products dimension table';
