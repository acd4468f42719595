-- What enterprise schemas have: run in a (simulated) Oracle, one statement after the other, as user ERP.
CREATE SEQUENCE seq_max MAXVALUE 9999999999999999999999999999 CYCLE CACHE 1000 ORDER;
CREATE SEQUENCE seq_desc INCREMENT BY -1 MINVALUE -9999999999999999999999999 MAXVALUE -1 START WITH -1;
CREATE SEQUENCE seq_step INCREMENT BY 7 START WITH 3 MINVALUE 3 MAXVALUE 100 NOCACHE CYCLE;
CREATE TABLE company (
  company_id NUMBER(10) GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 10 MAXVALUE 99999 NOCYCLE CACHE 5 ORDER),
  code VARCHAR2(10 CHAR) NOT NULL,
  name NVARCHAR2(200) NOT NULL,
  name_upper VARCHAR2(200) GENERATED ALWAYS AS (UPPER(name)) VIRTUAL,
  status CHAR(1) DEFAULT 'A' NOT NULL,
  status_text VARCHAR2(10) AS (DECODE(status, 'A', 'Active', 'I', 'Inactive', 'Unknown')),
  size_class VARCHAR2(6) AS (CASE WHEN employees >= 1000 THEN 'LARGE' WHEN employees >= 50 THEN 'MEDIUM' ELSE 'SMALL' END),
  employees NUMBER(8),
  guid RAW(16) DEFAULT SYS_GUID() NOT NULL,
  created_by VARCHAR2(128) DEFAULT SYS_CONTEXT('USERENV','SESSION_USER') NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT SYSTIMESTAMP AT TIME ZONE 'UTC' NOT NULL,
  created_utc TIMESTAMP DEFAULT SYS_EXTRACT_UTC(SYSTIMESTAMP),
  host VARCHAR2(64) DEFAULT SYS_CONTEXT('USERENV','HOST'),
  session_no NUMBER DEFAULT USERENV('SESSIONID'),
  seqno NUMBER DEFAULT seq_step.NEXTVAL,
  rate NUMBER(5,4) DEFAULT ON NULL 0.075,
  doc CLOB CONSTRAINT company_doc_json CHECK (doc IS JSON),
  email VARCHAR2(320),
  website VARCHAR2(200),
  CONSTRAINT company_pk PRIMARY KEY (company_id),
  CONSTRAINT company_code_uk UNIQUE (code),
  CONSTRAINT company_status_ck CHECK (status IN ('A','I','D')),
  CONSTRAINT company_email_ck CHECK (REGEXP_LIKE(email, '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$')),
  CONSTRAINT company_len_ck CHECK (LENGTH(TRIM(code)) BETWEEN 2 AND 10),
  CONSTRAINT company_rate_ck CHECK (rate >= 0 AND rate < 1 OR rate IS NULL)
);
CREATE TABLE address_type (type_code CHAR(3) CONSTRAINT address_type_pk PRIMARY KEY, descr VARCHAR2(40)) ORGANIZATION INDEX;
CREATE TABLE address (
  address_id NUMBER(12) DEFAULT ON NULL seq_max.NEXTVAL CONSTRAINT address_pk PRIMARY KEY,
  company_id NUMBER(10) NOT NULL CONSTRAINT address_company_fk REFERENCES company ON DELETE CASCADE,
  type_code CHAR(3) DEFAULT 'INV' CONSTRAINT address_type_fk REFERENCES address_type,
  parent_id NUMBER(12),
  lat NUMBER(9,6), lon NUMBER(9,6),
  valid_from DATE DEFAULT TRUNC(SYSDATE) NOT NULL,
  valid_to DATE DEFAULT TO_DATE('31.12.9999','DD.MM.YYYY') NOT NULL,
  period_days NUMBER AS (valid_to - valid_from),
  "Comment" VARCHAR2(4000),
  "LEVEL" NUMBER(3) DEFAULT 1,
  "user" VARCHAR2(30) DEFAULT USER,
  CONSTRAINT address_parent_fk FOREIGN KEY (parent_id) REFERENCES address (address_id) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT address_period_ck CHECK (valid_from <= valid_to),
  CONSTRAINT address_lat_ck CHECK (lat BETWEEN -90 AND 90) ENABLE NOVALIDATE,
  CONSTRAINT address_lon_ck CHECK (lon BETWEEN -180 AND 180) DISABLE
);
CREATE INDEX address_company_ix ON address (company_id, type_code DESC);
CREATE INDEX address_fbi1 ON address (UPPER("Comment"));
CREATE INDEX address_fbi2 ON address (NVL(parent_id, -1), TRUNC(valid_from));
CREATE INDEX address_fbi3 ON address (CASE WHEN type_code = 'INV' THEN company_id END);
CREATE UNIQUE INDEX address_fbi4 ON address (DECODE(type_code, 'INV', company_id, NULL));
CREATE INDEX address_fbi5 ON address (SUBSTR("Comment", 1, 20));
CREATE INDEX address_fbi6 ON address (TO_CHAR(valid_from, 'YYYYMM'));
CREATE BITMAP INDEX address_bm ON address (type_code);
CREATE INDEX address_rev ON address (parent_id) REVERSE;
CREATE INDEX address_inv ON address (valid_to) INVISIBLE;
CREATE TABLE gl_entry (
  entry_id NUMBER(18) NOT NULL,
  posted DATE NOT NULL,
  company_id NUMBER(10) NOT NULL,
  account VARCHAR2(20) NOT NULL,
  debit NUMBER(19,4) DEFAULT 0 NOT NULL,
  credit NUMBER(19,4) DEFAULT 0 NOT NULL,
  balance NUMBER(20,4) AS (debit - credit),
  currency CHAR(3) DEFAULT 'EUR' NOT NULL,
  fiscal_year NUMBER(4) AS (EXTRACT(YEAR FROM posted)),
  CONSTRAINT gl_entry_pk PRIMARY KEY (entry_id, posted),
  CONSTRAINT gl_entry_ck CHECK ((debit = 0 AND credit > 0) OR (debit > 0 AND credit = 0) OR (debit = 0 AND credit = 0))
) PARTITION BY RANGE (posted) INTERVAL (NUMTOYMINTERVAL(3,'MONTH')) SUBPARTITION BY LIST (currency)
  SUBPARTITION TEMPLATE (SUBPARTITION eur VALUES ('EUR'), SUBPARTITION usd VALUES ('USD'), SUBPARTITION other VALUES (DEFAULT))
 (PARTITION p2019 VALUES LESS THAN (DATE '2020-01-01'), PARTITION p2020 VALUES LESS THAN (DATE '2021-01-01'));
CREATE INDEX gl_entry_loc ON gl_entry (account) LOCAL;
CREATE TABLE gl_line (line_id NUMBER(18), entry_id NUMBER(18) NOT NULL, posted DATE NOT NULL, txt VARCHAR2(100),
  CONSTRAINT gl_line_pk PRIMARY KEY (line_id), CONSTRAINT gl_line_fk FOREIGN KEY (entry_id, posted) REFERENCES gl_entry)
  PARTITION BY REFERENCE (gl_line_fk);
CREATE TABLE audit_hash (id NUMBER(18) CONSTRAINT audit_hash_pk PRIMARY KEY, payload VARCHAR2(100)) PARTITION BY HASH (id) PARTITIONS 8;
CREATE TABLE audit_list (id NUMBER(18), region VARCHAR2(10)) PARTITION BY LIST (region) (PARTITION pe VALUES ('N','E'), PARTITION pw VALUES ('W', NULL), PARTITION pd VALUES (DEFAULT));
CREATE GLOBAL TEMPORARY TABLE tmp_report (id NUMBER(9), txt VARCHAR2(20)) ON COMMIT DELETE ROWS;
CREATE TYPE phone_t AS OBJECT (country NUMBER(3), num VARCHAR2(20));
CREATE TYPE phone_list AS VARRAY(10) OF phone_t;
CREATE TYPE num_tab AS TABLE OF NUMBER(12,2);
CREATE TABLE contact (id NUMBER(9) CONSTRAINT contact_pk PRIMARY KEY, phones phone_list, main phone_t, scores num_tab, note LONG) NESTED TABLE scores STORE AS contact_scores;
CREATE TABLE analyse (id NUMBER(9), "end" NUMBER(9), "do" NUMBER(9), "user" NUMBER, limit NUMBER(9), offset NUMBER(9), using_it NUMBER(9), window NUMBER(9), lateral NUMBER, placing NUMBER, "ARRAY" NUMBER);
CREATE TABLE t_types (f1 FLOAT(10), f2 REAL, f3 DOUBLE PRECISION, f4 BINARY_FLOAT DEFAULT 1.5, f5 BINARY_DOUBLE DEFAULT 2, n1 NUMBER(38,-3), n2 NUMBER(5,7), n3 NUMBER(*,2), i1 INTEGER, i2 SMALLINT, d1 DECIMAL(10,2), v1 VARCHAR(10), u1 UROWID, x1 XMLTYPE, ts0 TIMESTAMP(0) DEFAULT LOCALTIMESTAMP, ts9 TIMESTAMP(9) WITH LOCAL TIME ZONE DEFAULT CURRENT_TIMESTAMP, iy INTERVAL YEAR(3) TO MONTH DEFAULT INTERVAL '1-6' YEAR TO MONTH, idy INTERVAL DAY(5) TO SECOND(3) DEFAULT INTERVAL '0 00:00:01.5' DAY TO SECOND, b BLOB DEFAULT EMPTY_BLOB(), c CLOB DEFAULT EMPTY_CLOB(), r RAW(4) DEFAULT HEXTORAW('DEADBEEF'), nc NCHAR(4) DEFAULT N'ab', neg NUMBER DEFAULT -1, par NUMBER DEFAULT (1+2)*3, dflt VARCHAR2(20) DEFAULT 'a'||'b', dn DATE DEFAULT NULL, de VARCHAR2(3) DEFAULT '');
CREATE VIEW v_company AS SELECT c.company_id, c.code, c.name, a."Comment" remark, NVL(a.lat, 0) lat FROM company c, address a WHERE c.company_id = a.company_id (+) AND a.type_code (+) = 'INV' WITH READ ONLY;
CREATE VIEW v_active AS SELECT company_id, code, status FROM company WHERE status = 'A' WITH CHECK OPTION CONSTRAINT v_active_co;
CREATE VIEW v_gl (company, yr, dr, cr, bal, cnt, share_pct) AS SELECT company_id, EXTRACT(YEAR FROM posted), SUM(debit), SUM(credit), SUM(debit) - SUM(credit), COUNT(*), ROUND(100 * SUM(debit) / NULLIF(SUM(SUM(debit)) OVER (), 0), 2) FROM gl_entry GROUP BY company_id, EXTRACT(YEAR FROM posted);
CREATE VIEW v_tree AS SELECT LEVEL lvl, LPAD(' ', 2*LEVEL) || address_id path FROM address START WITH parent_id IS NULL CONNECT BY PRIOR address_id = parent_id;
CREATE VIEW v_list AS SELECT company_id, LISTAGG(type_code, ', ') WITHIN GROUP (ORDER BY address_id) types FROM address GROUP BY company_id;
CREATE VIEW v_null AS SELECT 'A' kind, company_id, NULL closed, NULL txt FROM company UNION ALL SELECT 'B', address_id, valid_to, "Comment" FROM address UNION ALL SELECT 'C', NULL, NULL, NULL FROM dual;
CREATE VIEW v_page AS SELECT * FROM (SELECT x.*, ROWNUM rn FROM (SELECT code, name FROM company ORDER BY code) x WHERE ROWNUM <= 20) WHERE rn > 10;
CREATE MATERIALIZED VIEW mv_bal BUILD IMMEDIATE REFRESH COMPLETE ON DEMAND START WITH SYSDATE NEXT SYSDATE + 1 AS SELECT company_id, SUM(debit - credit) bal, COUNT(*) n FROM gl_entry GROUP BY company_id;
CREATE INDEX mv_bal_ix ON mv_bal (bal);
CREATE SYNONYM cmp FOR company;
CREATE SYNONYM seq_syn FOR seq_max;
CREATE DATABASE LINK rem.world CONNECT TO x IDENTIFIED BY y USING 'z';
CREATE SYNONYM remote_t FOR other.t@rem.world;
CREATE VIEW v_syn AS SELECT code FROM cmp WHERE company_id > 5;
COMMENT ON TABLE company IS 'It''s a "company"; with -- dashes and
a new line, $$ and \n';
COMMENT ON COLUMN company.code IS 'c:\temp\''x''';
COMMENT ON COLUMN v_company.lat IS 'latitude';
CREATE OR REPLACE TRIGGER company_bi BEFORE INSERT ON company FOR EACH ROW
BEGIN
  :NEW.code := UPPER(:NEW.code);
END
/
CREATE OR REPLACE FUNCTION f_tax(p NUMBER) RETURN NUMBER IS
BEGIN
  RETURN p * 0.2;
END
/
CREATE TABLE parent (id NUMBER(10) CONSTRAINT parent_pk PRIMARY KEY, code VARCHAR2(10) CONSTRAINT parent_uk UNIQUE, region VARCHAR2(2) NOT NULL, grp CHAR(4));
CREATE TABLE child (id NUMBER CONSTRAINT child_pk PRIMARY KEY, parent_id NUMBER, parent_code VARCHAR2(20), qty NUMBER(10,2), price NUMBER(10,4), total NUMBER AS (qty * price), vat NUMBER AS (ROUND(qty * price * 0.19, 2)), label VARCHAR2(41) AS ('C' || TO_CHAR(parent_id)), grp CHAR(4), flag VARCHAR2(1) AS (CASE WHEN qty > 100 THEN 'Y' ELSE 'N' END), CONSTRAINT child_fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL, CONSTRAINT child_fk2 FOREIGN KEY (parent_code) REFERENCES parent (code) NOVALIDATE, CONSTRAINT child_flag CHECK (flag IN ('Y','N')), CONSTRAINT child_qty CHECK (qty >= 0 AND MOD(qty, 0.5) = 0) DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX child_ix1 ON child (total);
CREATE INDEX child_ix2 ON child (qty * price);
CREATE INDEX child_ix3 ON child (ROUND(qty), UPPER(grp) DESC);
CREATE INDEX child_ix4 ON child (parent_id, 0);
CREATE UNIQUE INDEX child_ix5 ON child (CASE WHEN flag = 'Y' THEN parent_id END, CASE WHEN flag = 'Y' THEN grp END);
CREATE INDEX child_ix7 ON child (LOWER(parent_code), MOD(id, 10));
CREATE INDEX child_txt ON child (parent_code) INDEXTYPE IS CTXSYS.CONTEXT;
CREATE BITMAP INDEX child_bji ON child (p.region) FROM child c, parent p WHERE c.parent_id = p.id;
CREATE TABLE idents (a NUMBER GENERATED BY DEFAULT ON NULL AS IDENTITY (START WITH 5 INCREMENT BY -1 MINVALUE -100 MAXVALUE 5 CYCLE NOCACHE), b NUMBER(3));
CREATE TABLE idents2 (a NUMBER(4) GENERATED ALWAYS AS IDENTITY (START WITH LIMIT VALUE), b DATE DEFAULT SYSDATE INVISIBLE, c NUMBER(5) DEFAULT ON NULL 0);
CREATE TABLE part_ch (k CHAR(2) NOT NULL, v NUMBER) PARTITION BY LIST (k) (PARTITION pa VALUES ('A','B '), PARTITION pd VALUES (DEFAULT));
CREATE TABLE part_num (n NUMBER NOT NULL, v NUMBER) PARTITION BY RANGE (n) INTERVAL (1000) (PARTITION p0 VALUES LESS THAN (-1000), PARTITION p1 VALUES LESS THAN (0));
CREATE TABLE part_virt (d DATE, y NUMBER(4) AS (EXTRACT(YEAR FROM d))) PARTITION BY RANGE (y) (PARTITION p1 VALUES LESS THAN (2020), PARTITION p2 VALUES LESS THAN (MAXVALUE));
CREATE TABLE part_lh (k VARCHAR2(3), i NUMBER(9)) PARTITION BY LIST (k) SUBPARTITION BY HASH (i) SUBPARTITIONS 3 (PARTITION p1 VALUES ('x','y'), PARTITION p2 VALUES (DEFAULT));
CREATE TABLE kw ("DATE" DATE, "NUMBER" NUMBER, "ROWID_" ROWID, "COMMENT" VARCHAR2(10), "ACCESS" NUMBER(1), "all" NUMBER(1), "User" VARCHAR2(5), "1abc" NUMBER, "sp ace" NUMBER, "é" VARCHAR2(3), "a.b" NUMBER, "q'uote" NUMBER, "semi;colon" NUMBER, "$d" NUMBER, "#h" NUMBER, "_u" NUMBER, CONSTRAINT "kw;ck" CHECK ("1abc" > 0 AND "sp ace" < 5 AND "q'uote" IS NOT NULL));
CREATE INDEX "kw ix" ON kw ("sp ace", UPPER("User"));
CREATE VIEW "kw View" AS SELECT "DATE", "all" + 1 AS "all+1", "User" || "COMMENT" AS "x;y", k."a.b", "é" FROM kw k WHERE "1abc" IS NOT NULL;
COMMENT ON COLUMN kw."semi;colon" IS 'a;b--c /* d */ ''e'' "f"';
COMMENT ON TABLE "kw View" IS 'v';
CREATE SEQUENCE "kw seq;";
CREATE TABLE kw2 (id NUMBER(9) DEFAULT "kw seq;".NEXTVAL);
CREATE VIEW v_types AS SELECT CAST(qty AS NUMBER(10)) q, CAST(price AS VARCHAR2(30)) p, TO_CHAR(price, 'FM999990.00') f, TO_NUMBER(parent_code) n, TO_CHAR(id) i FROM child;
CREATE VIEW v_rank AS SELECT id, RANK() OVER (PARTITION BY grp ORDER BY qty DESC NULLS LAST) r, SUM(qty) OVER (PARTITION BY grp ORDER BY id ROWS UNBOUNDED PRECEDING) s, LAG(qty, 1, 0) OVER (ORDER BY id) l, FIRST_VALUE(qty) OVER (PARTITION BY grp ORDER BY id) f, LAST_VALUE(qty) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) lv, CUME_DIST() OVER (ORDER BY qty) cd, NTILE(4) OVER (ORDER BY id) nt FROM child;
CREATE VIEW v_chars AS SELECT p.id FROM parent p, child c WHERE p.grp = c.grp AND p.grp <> 'AB' AND TRIM(p.grp) = 'X' AND p.code = c.grp;
CREATE VIEW v_old AS SELECT p.id, c.qty, d.price FROM parent p, child c, child d WHERE p.id = c.parent_id(+) AND c.id = d.id(+) AND d.qty(+) > 5 AND p.region = 'EU';
CREATE VIEW v_sub AS SELECT p.id, (SELECT MAX(qty) FROM child c WHERE c.parent_id = p.id) mq, NVL((SELECT SUM(qty * price) FROM child c WHERE c.parent_id = p.id), 0) tot FROM parent p WHERE p.id IN (SELECT parent_id FROM child GROUP BY parent_id HAVING COUNT(*) > 1) ORDER BY p.code;
CREATE VIEW v_group AS SELECT TO_CHAR(TRUNC(SYSDATE), 'YYYY-MM') m, grp, SUM(DECODE(flag, 'Y', qty, 0)) y, SUM(CASE WHEN flag = 'N' THEN qty END) n, ROUND(AVG(price), 2) a, COUNT(DISTINCT parent_id) d, MAX(label) ml FROM child GROUP BY ROLLUP(grp);
CREATE VIEW v_on_v AS SELECT g.grp, g.y / NULLIF(g.d, 0) per, s.tot FROM v_group g JOIN v_sub s ON s.id = g.d;
CREATE VIEW v_inter AS SELECT id FROM parent INTERSECT SELECT parent_id FROM child;
CREATE TABLE t1 (id NUMBER(9) CONSTRAINT t1_pkey2 PRIMARY KEY, "Ck" NUMBER, amount NUMBER, CONSTRAINT ck_a CHECK (amount > 0), CONSTRAINT "ck_a" CHECK (amount < 100), CONSTRAINT "CK_B" UNIQUE (amount));
CREATE TABLE t2 (id NUMBER(9), t1_id NUMBER(9), CONSTRAINT t1_pkey PRIMARY KEY (id), CONSTRAINT fk1 FOREIGN KEY (t1_id) REFERENCES t1, CONSTRAINT "fk1" CHECK (t1_id > 0));
CREATE VIEW w_tab AS SELECT id, amount FROM t1 WHERE amount > 5 WITH CHECK OPTION;
CREATE VIEW w_agg AS SELECT MAX(amount) m FROM t1;
CREATE VIEW w_on_agg AS SELECT m FROM w_agg WHERE m > 1 WITH CHECK OPTION;
CREATE VIEW w_on_tab AS SELECT id FROM w_tab WITH CHECK OPTION;
CREATE VIEW w_on_syn AS SELECT company_id FROM cmp WITH CHECK OPTION;
CREATE VIEW v_dec AS SELECT DECODE(amount, 0, 'none', 'some') a, DECODE(id, 1, NULL, id) b, NVL(TO_CHAR(id), '-') c FROM t1;
CREATE VIEW v_exists AS SELECT t.id FROM t1 t WHERE NOT EXISTS (SELECT 1 FROM t2 WHERE t2.t1_id = t.id) AND (t.id, t.amount) NOT IN (SELECT id, t1_id FROM t2);
CREATE VIEW v_key AS SELECT id AS "order", amount "sum", id "Table", 'x' AS "a b" FROM t1;
CREATE VIEW v_full AS SELECT COALESCE(a.id, b.id) id FROM t1 a FULL OUTER JOIN t2 b ON a.id = b.id;
CREATE TABLE ext_t (a VARCHAR2(10)) ORGANIZATION EXTERNAL (TYPE ORACLE_LOADER DEFAULT DIRECTORY d LOCATION ('x.csv'));
CREATE CLUSTER cl (k NUMBER(9)) SIZE 512;
CREATE TABLE in_cl (k NUMBER(9), v NUMBER(9)) CLUSTER cl (k);
