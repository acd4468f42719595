CREATE TABLE hr.regions (
  region_id NUMBER CONSTRAINT region_id_nn NOT NULL,
  region_name VARCHAR2(25),
  CONSTRAINT reg_id_pk PRIMARY KEY (region_id)
);
CREATE TABLE hr.countries (
  country_id CHAR(2) CONSTRAINT country_id_nn NOT NULL,
  country_name VARCHAR2(60),
  region_id NUMBER,
  CONSTRAINT country_c_id_pk PRIMARY KEY (country_id),
  CONSTRAINT countr_reg_fk FOREIGN KEY (region_id) REFERENCES hr.regions (region_id)
) ORGANIZATION INDEX;
CREATE TABLE hr.locations (
  location_id NUMBER(4),
  street_address VARCHAR2(40),
  postal_code VARCHAR2(12),
  city VARCHAR2(30) CONSTRAINT loc_city_nn NOT NULL,
  state_province VARCHAR2(25),
  country_id CHAR(2),
  CONSTRAINT loc_id_pk PRIMARY KEY (location_id),
  CONSTRAINT loc_c_id_fk FOREIGN KEY (country_id) REFERENCES hr.countries (country_id)
);
CREATE TABLE hr.departments (
  department_id NUMBER(4),
  department_name VARCHAR2(30) CONSTRAINT dept_name_nn NOT NULL,
  manager_id NUMBER(6),
  location_id NUMBER(4),
  CONSTRAINT dept_id_pk PRIMARY KEY (department_id),
  CONSTRAINT dept_loc_fk FOREIGN KEY (location_id) REFERENCES hr.locations (location_id)
);
CREATE TABLE hr.jobs (
  job_id VARCHAR2(10),
  job_title VARCHAR2(35) CONSTRAINT job_title_nn NOT NULL,
  min_salary NUMBER(6),
  max_salary NUMBER(6),
  CONSTRAINT job_id_pk PRIMARY KEY (job_id)
);
CREATE TABLE hr.employees (
  employee_id NUMBER(6),
  first_name VARCHAR2(20),
  last_name VARCHAR2(25) CONSTRAINT emp_last_name_nn NOT NULL,
  email VARCHAR2(25) CONSTRAINT emp_email_nn NOT NULL,
  phone_number VARCHAR2(20),
  hire_date DATE CONSTRAINT emp_hire_date_nn NOT NULL,
  job_id VARCHAR2(10) CONSTRAINT emp_job_nn NOT NULL,
  salary NUMBER(8,2),
  commission_pct NUMBER(2,2),
  manager_id NUMBER(6),
  department_id NUMBER(4),
  CONSTRAINT emp_emp_id_pk PRIMARY KEY (employee_id),
  CONSTRAINT emp_salary_min CHECK (salary > 0),
  CONSTRAINT emp_email_uk UNIQUE (email),
  CONSTRAINT emp_dept_fk FOREIGN KEY (department_id) REFERENCES hr.departments,
  CONSTRAINT emp_job_fk FOREIGN KEY (job_id) REFERENCES hr.jobs (job_id),
  CONSTRAINT emp_manager_fk FOREIGN KEY (manager_id) REFERENCES hr.employees
);
ALTER TABLE hr.departments ADD CONSTRAINT dept_mgr_fk FOREIGN KEY (manager_id) REFERENCES hr.employees (employee_id);
CREATE TABLE hr.job_history (
  employee_id NUMBER(6) CONSTRAINT jhist_employee_nn NOT NULL,
  start_date DATE CONSTRAINT jhist_start_date_nn NOT NULL,
  end_date DATE CONSTRAINT jhist_end_date_nn NOT NULL,
  job_id VARCHAR2(10) CONSTRAINT jhist_job_nn NOT NULL,
  department_id NUMBER(4),
  CONSTRAINT jhist_date_interval CHECK (end_date > start_date),
  CONSTRAINT jhist_emp_id_st_date_pk PRIMARY KEY (employee_id, start_date),
  CONSTRAINT jhist_job_fk FOREIGN KEY (job_id) REFERENCES hr.jobs,
  CONSTRAINT jhist_emp_fk FOREIGN KEY (employee_id) REFERENCES hr.employees,
  CONSTRAINT jhist_dept_fk FOREIGN KEY (department_id) REFERENCES hr.departments
);
CREATE SEQUENCE hr.locations_seq START WITH 3300 INCREMENT BY 100 MAXVALUE 9900 NOCACHE;
CREATE SEQUENCE hr.departments_seq START WITH 280 INCREMENT BY 10 MAXVALUE 9990 NOCACHE;
CREATE SEQUENCE hr.employees_seq START WITH 207 INCREMENT BY 1 NOCACHE;
CREATE INDEX hr.emp_department_ix ON hr.employees (department_id);
CREATE INDEX hr.emp_job_ix ON hr.employees (job_id);
CREATE INDEX hr.emp_manager_ix ON hr.employees (manager_id);
CREATE INDEX hr.emp_name_ix ON hr.employees (last_name, first_name);
CREATE INDEX hr.dept_location_ix ON hr.departments (location_id);
CREATE INDEX hr.jhist_job_ix ON hr.job_history (job_id);
CREATE INDEX hr.jhist_employee_ix ON hr.job_history (employee_id);
CREATE INDEX hr.jhist_department_ix ON hr.job_history (department_id);
CREATE INDEX hr.loc_city_ix ON hr.locations (city);
CREATE INDEX hr.loc_state_province_ix ON hr.locations (state_province);
CREATE INDEX hr.loc_country_ix ON hr.locations (country_id);
CREATE VIEW hr.emp_details_view (employee_id, job_id, manager_id, department_id, location_id, country_id, first_name, last_name,
  salary, commission_pct, department_name, job_title, city, state_province, country_name, region_name) AS
SELECT e.employee_id, e.job_id, e.manager_id, e.department_id, d.location_id, l.country_id, e.first_name, e.last_name,
  e.salary, e.commission_pct, d.department_name, j.job_title, l.city, l.state_province, c.country_name, r.region_name
FROM employees e, departments d, jobs j, locations l, countries c, regions r
WHERE e.department_id = d.department_id AND d.location_id = l.location_id AND l.country_id = c.country_id
  AND c.region_id = r.region_id AND j.job_id = e.job_id
WITH READ ONLY;
CREATE OR REPLACE PROCEDURE hr.secure_dml
IS
BEGIN
  IF TO_CHAR (SYSDATE, 'HH24:MI') NOT BETWEEN '08:00' AND '18:00'
        OR TO_CHAR (SYSDATE, 'DY') IN ('SAT', 'SUN') THEN
    RAISE_APPLICATION_ERROR (-20205, 'You may only make changes during normal office hours');
  END IF;
END secure_dml;
/
CREATE OR REPLACE TRIGGER hr.secure_employees BEFORE INSERT OR UPDATE OR DELETE ON hr.employees
BEGIN
  secure_dml;
END secure_employees;
/
CREATE OR REPLACE PROCEDURE hr.add_job_history (p_emp_id job_history.employee_id%type, p_start_date job_history.start_date%type,
  p_end_date job_history.end_date%type, p_job_id job_history.job_id%type, p_department_id job_history.department_id%type)
IS
BEGIN
  INSERT INTO job_history (employee_id, start_date, end_date, job_id, department_id)
    VALUES (p_emp_id, p_start_date, p_end_date, p_job_id, p_department_id);
END add_job_history;
/
CREATE OR REPLACE TRIGGER hr.update_job_history AFTER UPDATE OF job_id, department_id ON hr.employees FOR EACH ROW
BEGIN
  add_job_history (:old.employee_id, :old.hire_date, sysdate, :old.job_id, :old.department_id);
END;
/
COMMENT ON TABLE hr.regions IS 'Regions of the company''s world';
COMMENT ON COLUMN hr.regions.region_id IS 'Key';
GRANT SELECT ON hr.employees TO oe;
