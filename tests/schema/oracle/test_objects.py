"""What the sample schemas have of objects, documents and dimensions: named one by one, and PostgreSQL accepts the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.schema.oracle.kit import from_text
from tests.schema.oracle.spoken_of import not_spoken_of
from tests.schema.oracle.test_samples import dictionary_of, import_all
from voyager_ops.databases.oracle import dictionary_rows as rows
from voyager_ops.databases.oracle.dictionary import Dictionary
from voyager_ops.schema.export import SchemaExport
from voyager_ops.schema.oracle.export import export

# The supertype and how many methods; what is a REF.
SUPERTYPES = {"CORPORATE_CUSTOMER_TYP": "CUSTOMER_TYP", "LEAF_CATEGORY_TYP": "CATEGORY_TYP", "CATALOG_TYP": "CATEGORY_TYP"}
METHODS = {"CATALOG_TYP": 2, "CATEGORY_TYP": 1}
OBJECT_TABLES = {"CATEGORIES_TAB": "CATEGORY_TYP", "PURCHASEORDER": "XMLTYPE"}


def order_entry(directory: Path) -> Dictionary:
    """The dictionary of HR and OE with its objects, as Oracle describes them, read from an extract as anybody's is."""
    d = dictionary_of(["hr", "oe", "oe_objects"])
    objects = [
        *(rows.ObjectRow("OE", name, "TABLE", object_id=90001 + n) for n, name in enumerate(OBJECT_TABLES)),
        rows.ObjectRow("OE", "SUBCATEGORY_REF_LIST_NESTEDTAB", "TABLE", object_id=90011),
        rows.ObjectRow("OE", "DOCUMENTS", "TABLE", object_id=90012),
        rows.ObjectRow("OE", "SYS_C0090013", "INDEX", object_id=90013),
        rows.ObjectRow("OE", "PURCHASEORDER_XML", "XML SCHEMA", object_id=90014),
    ]
    columns = [
        rows.ColumnRow("OE", "CATEGORIES_TAB", "SYS_NC_OID$", "RAW", hidden_column="YES", user_generated="NO"),
        rows.ColumnRow("OE", "CATEGORIES_TAB", "CATEGORY_ID", "NUMBER", column_id=1, data_precision=2, data_scale=0),
        rows.ColumnRow("OE", "PURCHASEORDER", "SYS_NC_ROWINFO$", "XMLTYPE", data_type_owner="SYS", column_id=1),
        rows.ColumnRow("OE", "SUBCATEGORY_REF_LIST_NESTEDTAB", "COLUMN_VALUE", "CATEGORY_TYP", "REF", "OE", column_id=1),
        rows.ColumnRow("OE", "PRINT_MEDIA", "SYS_NC00006$", "RAW", hidden_column="YES", user_generated="NO"),
        rows.ColumnRow("OE", "PRINT_MEDIA", "AD_REF", "CUSTOMER_TYP", "REF", "OE", column_id=9, internal_column_id=9),
    ]
    constraints = [
        rows.ConstraintRow("OE", "SYS_C0090013", "P", "CATEGORIES_TAB", index_name="SYS_C0090013", generated="GENERATED NAME"),
        rows.ConstraintRow("OE", "SYS_C0090020", "U", "PRINT_MEDIA", index_name="SYS_C0090020", generated="GENERATED NAME"),
        rows.ConstraintRow("OE", "AD_REF_FK", "R", "PRINT_MEDIA", r_owner="OE", r_constraint_name="SYS_C0090013"),
        rows.ConstraintRow("OE", "AD_SCOPE", "F", "PRINT_MEDIA"),
        rows.ConstraintRow("OE", "AD_OWNER_CK", "C", "PRINT_MEDIA", '"AD_OWNER"."CUSTOMER_ID" IS NOT NULL'),
    ]
    return _through_files(
        replace(
            d,
            objects=(*d.objects, *objects),
            object_tables=tuple(rows.ObjectTableRow("OE", name, "OE", of) for name, of in OBJECT_TABLES.items()),
            nested_tables=(
                rows.NestedTableRow("OE", "SUBCATEGORY_REF_LIST_NESTEDTAB", "OE", "X", "CATEGORIES_TAB", "SUBCATEGORY_REF_LIST"),
            ),
            tab_cols=(*d.tab_cols, *columns),
            constraints=(*d.constraints, *constraints),
            cons_columns=(
                *d.cons_columns,
                rows.ConstraintColumnRow("OE", "SYS_C0090013", "CATEGORIES_TAB", "CATEGORY_ID", 1),
                rows.ConstraintColumnRow("OE", "SYS_C0090020", "PRINT_MEDIA", "SYS_NC00006$", 1),
                rows.ConstraintColumnRow("OE", "AD_REF_FK", "PRINT_MEDIA", "AD_REF", 1),
            ),
            indexes=(
                *d.indexes,
                rows.IndexRow("OE", "SYS_C0090013", "NORMAL", "OE", "CATEGORIES_TAB", uniqueness="UNIQUE"),
                rows.IndexRow("OE", "SYS_C0090020", "NORMAL", "OE", "PRINT_MEDIA", uniqueness="UNIQUE"),
                rows.IndexRow("OE", "OWNER_IX", "NORMAL", "OE", "PRINT_MEDIA"),
                rows.IndexRow(
                    "OE", "SPEC_XIX", "FUNCTION-BASED DOMAIN", "OE", "WAREHOUSES", ityp_owner="XDB", ityp_name="XMLINDEX"
                ),
            ),
            ind_columns=(
                *d.ind_columns,
                rows.IndexColumnRow("OE", "SYS_C0090020", "OE", "PRINT_MEDIA", "SYS_NC00006$", 1),
                rows.IndexColumnRow("OE", "OWNER_IX", "OE", "PRINT_MEDIA", '"AD_OWNER"."CUSTOMER_ID"', 1),
                rows.IndexColumnRow("OE", "SPEC_XIX", "OE", "WAREHOUSES", "WAREHOUSE_SPEC", 1),
            ),
            types=tuple(
                replace(
                    row,
                    supertype_name=SUPERTYPES.get(row.type_name, ""),
                    methods=METHODS.get(row.type_name, 0),
                    instantiable="NO" if row.type_name == "CATEGORY_TYP" else "YES",
                )
                for row in d.types
            ),
            type_attrs=tuple(
                replace(row, attr_type_mod="REF" if row.attr_name == "CUSTOMER_REF" else "") for row in d.type_attrs
            ),
            coll_types=tuple(
                replace(row, elem_type_mod="REF" if row.type_name == "SUBCATEGORY_REF_LIST_TYP" else "") for row in d.coll_types
            ),
            views=tuple(
                replace(row, view_type_owner="OE", view_type="CUSTOMER_TYP") if row.view_name == "OC_CUSTOMERS" else row
                for row in d.views
            ),
            triggers=tuple(
                replace(row, base_object_type="VIEW", trigger_type="INSTEAD OF") if row.trigger_name == "ORDERS_TRG" else row
                for row in d.triggers
            ),
        ),
        directory,
    )


def _through_files(dictionary: Dictionary, directory: Path) -> Dictionary:
    dictionary.to_csv(directory)
    return Dictionary.from_csv(directory, dictionary.owners)


def codes(exported: SchemaExport) -> dict[str, dict[str, str]]:
    """Name to code to message."""
    found: dict[str, dict[str, str]] = {}
    for finding in exported.findings:
        found.setdefault(finding.object_name, {})[finding.code] = finding.message
    return found


def test_objects_of_order_entry(target_db: Database, tmp_path: Path) -> None:
    dictionary = order_entry(tmp_path / "extract")
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    import_all(target_db, tmp_path)
    found = codes(exported)
    for name, code, words in (
        ("oe.catalog_typ", "TYPE_METHODS", "its 2 methods are not converted"),
        ("oe.catalog_typ", "TYPE_INHERITANCE", "a subtype of CATEGORY_TYP"),
        ("oe.catalog_typ", "PLSQL", "to be rewritten by hand"),
        ("oe.order_typ", "TYPE_LEFT_OUT", "its attribute CUSTOMER_REF is a REF"),
        ("oe.subcategory_ref_list_typ", "TYPE_LEFT_OUT", "its elements are REFs"),
        ("oe.categories_tab", "TABLE_LEFT_OUT", "a table of objects or of XML documents"),
        ("oe.purchaseorder", "TABLE_LEFT_OUT", "a table of objects or of XML documents"),
        ("oe.documents", "OBJECT_LEFT_OUT", "does not list it among the ordinary tables"),
        ("oe.purchaseorder_xml", "OBJECT_LEFT_OUT", "of a kind that is not migrated"),
        ("oe.oc_customers", "VIEW_LEFT_OUT", "a view of objects has no counterpart"),
        ("oe.oc_orders", "VIEW_LEFT_OUT", "the view is left out"),
        ("oe.categories", "VIEW_LEFT_OUT", "reads OE.CATEGORIES_TAB, which is not converted (a table of objects"),
        ("oe.bombay_inventory", "VIEW_LEFT_OUT", "the view is left out"),
        ("oe.of_items", "VIEW_LEFT_OUT", "the view is left out"),
        ("oe.orders_trg", "PLSQL", "to be rewritten by hand"),
        ("oe.print_media.ad_textdocs_ntab", "COLUMN_LEFT_OUT", "object types, nested tables and arrays"),
        ("oe.print_media.ad_owner", "COLUMN_LEFT_OUT", "object types, nested tables and arrays"),
        ("oe.print_media.ad_graphic", "COLUMN_LEFT_OUT", "a BFILE is a file"),
        ("oe.print_media.ad_ref", "COLUMN_LEFT_OUT", ""),
        ("oe.print_media.sys_c0090020", "CONSTRAINT_LEFT_OUT", "are not on the target"),
        ("oe.print_media.ad_ref_fk", "CONSTRAINT_LEFT_OUT", "the key SYS_C0090013 that it refers to is not among"),
        ("oe.print_media.ad_scope", "CONSTRAINT_LEFT_OUT", "constraint on an object reference"),
        ("oe.print_media.ad_owner_ck", "CHECK_LEFT_OUT", ""),
        ("oe.print_media.owner_ix", "INDEX_LEFT_OUT", "is not on the target"),
        ("oe.warehouses.spec_xix", "INDEX_LEFT_OUT", "FUNCTION-BASED DOMAIN"),
        ("oe", "GRANTS_LEFT_OUT", "3 grants"),
        ("oe", "INTERNAL", "storage of the nested table CATEGORIES_TAB"),
    ):
        assert words in found[name][code], (name, code, found[name])
    omitted = (exported.directory / "advice" / "omitted.sql").read_text()
    assert "-- GRANT SELECT ON OE.CATEGORIES_TAB TO PM;" in omitted
    assert "-- GRANT DEBUG ON OE.PRINT_MEDIA TO PM;" in omitted
    with target_db.connect() as connection:
        inherited = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'oe.catalog_typ'::regclass ORDER BY attnum"
        ).fetchall()
        assert [name for (name,) in inherited] == ["category_name", "category_id"]
        comments = connection.execute(
            "SELECT obj_description('oe.print_media'::regclass), col_description('oe.print_media'::regclass, attnum)"
            " FROM pg_attribute WHERE attrelid = 'oe.print_media'::regclass AND attname = 'ad_text'"
        ).fetchall()
        assert comments == [("advertisements", "it's kept")]


def test_dimensions_and_many_partitions_of_sales_history(target_db: Database, tmp_path: Path) -> None:
    d = dictionary_of(["sh"])
    names = ("CHANNELS_DIM", "CUSTOMERS_DIM", "PRODUCTS_DIM", "PROMOTIONS_DIM", "TIMES_DIM")
    quarters = [(year, quarter) for year in range(1998, 2003) for quarter in (1, 2, 3, 4)]
    parts = []
    for position, (year, quarter) in enumerate(quarters, 1):
        after = f"{year + quarter // 4}-{quarter % 4 * 3 + 1:02}-01"
        high = f"TO_DATE(' {after} 00:00:00', 'SYYYY-MM-DD HH24:MI:SS', 'NLS_CALENDAR=GREGORIAN')"
        parts.append(rows.PartitionRow("SH", "COSTS", f"COSTS_Q{quarter}_{year}", high, position))
    dictionary = replace(
        d,
        objects=(*d.objects, *(rows.ObjectRow("SH", name, "DIMENSION", object_id=9000 + n) for n, name in enumerate(names))),
        tab_partitions=(*(row for row in d.tab_partitions if row.table_name != "COSTS"), *parts),
    )
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    import_all(target_db, tmp_path)
    found = codes(exported)
    assert all("only helps the optimizer" in found[f"sh.{name.lower()}"]["OBJECT_LEFT_OUT"] for name in names)
    with target_db.connect() as connection:
        assert connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'sh.costs'::regclass").fetchone() == (20,)


SHOP = """CREATE TABLE app.orders (id NUMBER(9), customer NUMBER(9) NOT NULL, note VARCHAR2(20), code VARCHAR2(5),
  CONSTRAINT orders_pk PRIMARY KEY (id), CONSTRAINT orders_code_uk UNIQUE (code) NOVALIDATE,
  CONSTRAINT orders_two_uk UNIQUE (customer, code) DISABLE);
CREATE TABLE app.customers (id NUMBER(9), region VARCHAR2(9), CONSTRAINT customers_pk PRIMARY KEY (id));
CREATE BITMAP INDEX app.by_region ON app.orders (customer);
CREATE INDEX app.broken ON app.orders (note);
CREATE INDEX app.stale ON app.orders (UPPER("NOTE"));
CREATE INDEX app.everywhere ON app.orders (customer, note);
CREATE INDEX app.with_the_table ON app.orders (customer, id);
CREATE SEQUENCE app.ended START WITH 5 MAXVALUE 9 NOCACHE;
CREATE SEQUENCE app.beyond;
CREATE VIEW app.v (id) AS SELECT id FROM orders;
CREATE VIEW app.tree (id) AS SELECT id FROM orders CONNECT BY PRIOR id = customer;
COMMENT ON TABLE app.orders IS 'what was sold; "all" of it';
COMMENT ON COLUMN app.orders.note IS 'it''s ü';
COMMENT ON TABLE app.v IS 'a view';
COMMENT ON COLUMN app.v.id IS 'its column';
COMMENT ON TABLE app.tree IS 'left out with it';
GRANT SELECT, UPDATE ON app.orders TO reader;
GRANT SELECT ON app.tree TO reader;
GRANT ALTER ON app.orders TO reader;
"""


@pytest.fixture
def shop() -> Dictionary:
    d = from_text(SHOP)
    changed = {
        "BY_REGION": {"join_index": "YES"},
        "BROKEN": {"status": "UNUSABLE"},
        "STALE": {"funcidx_status": "DISABLED"},
        "EVERYWHERE": {"partitioned": "YES", "status": "N/A"},
        "WITH_THE_TABLE": {"partitioned": "YES", "status": "N/A"},
    }
    return replace(
        d,
        indexes=tuple(replace(row, **changed.get(row.index_name, {})) for row in d.indexes),
        ind_columns=tuple(
            replace(row, table_name="CUSTOMERS", column_name="REGION") if row.index_name == "BY_REGION" else row
            for row in d.ind_columns
        ),
        part_indexes=(
            rows.PartitionedIndexRow("APP", "EVERYWHERE", "ORDERS", "HASH", "GLOBAL", "PREFIXED"),
            rows.PartitionedIndexRow("APP", "WITH_THE_TABLE", "ORDERS", "RANGE", "LOCAL", "NON_PREFIXED"),
        ),
        sequences=tuple(replace(row, last_number=10 if row.sequence_name == "ENDED" else 10**20) for row in d.sequences),
        col_privs=(
            rows.ColumnPrivilegeRow("READER", "APP", "ORDERS", "NOTE", "UPDATE", grantable="YES"),
            rows.ColumnPrivilegeRow("PUBLIC", "APP", "V", "ID", "SELECT"),
            rows.ColumnPrivilegeRow("READER", "APP", "TREE", "ID", "SELECT"),
        ),
    )


def test_indexes_keys_and_sequences_in_odd_states_are_named(shop: Dictionary, target_db: Database, tmp_path: Path) -> None:
    exported = export(shop, tmp_path / "schema")
    assert not_spoken_of(shop, exported) == []
    import_all(target_db, tmp_path)
    found = codes(exported)
    for name, code, words in (
        ("app.orders.by_region", "INDEX_LEFT_OUT", "a bitmap join index has no counterpart"),
        ("app.orders.broken", "INDEX_LEFT_OUT", "it is unusable on the source"),
        ("app.orders.stale", "INDEX_LEFT_OUT", "it is disabled on the source"),
        ("app.orders.everywhere", "INDEX_PARTITIONS", "partitions of its own on the source (GLOBAL, HASH)"),
        ("app.orders.orders_code_uk", "KEY_VALIDATED", "NOVALIDATE"),
        ("app.orders.orders_two_uk", "CONSTRAINT_DISABLED", "the unique constraint is disabled"),
        ("app.ended", "SEQUENCE_EXHAUSTED", "no values left"),
        ("app.beyond", "SEQUENCE_LEFT_OUT", "which is no bigint"),
        ("app.tree", "VIEW_LEFT_OUT", "CONNECT BY"),
    ):
        assert words in found[name][code], (name, code, found.get(name))
    assert "app.orders.with_the_table" not in found
    with target_db.connect() as connection:
        made = connection.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'app' ORDER BY 1").fetchall()
        assert [name for (name,) in made] == [
            "customers_pk",
            "everywhere",
            "orders_code_uk",
            "orders_pk",
            "orders_two_uk",
            "with_the_table",
        ]


def test_comments_and_grants_arrive(shop: Dictionary, target_db: Database, tmp_path: Path) -> None:
    exported = export(shop, tmp_path / "schema")
    import_all(target_db, tmp_path)
    advice = [
        line.removeprefix("-- ")
        for line in (exported.directory / "advice" / "grant.sql").read_text().splitlines()
        if "GRANT" in line
    ]
    assert advice == [
        "GRANT SELECT, UPDATE ON TABLE app.orders TO reader;",
        "GRANT UPDATE(note) ON TABLE app.orders TO reader WITH GRANT OPTION;",
        "GRANT SELECT(id) ON TABLE app.v TO PUBLIC;",
    ]
    found = codes(exported)["app"]
    assert found["GRANTS"].startswith("3 grants")
    assert found["GRANTS_LEFT_OUT"].startswith("3 grants")
    with target_db.connect() as connection:
        comments = connection.execute(
            "SELECT obj_description('app.orders'::regclass), col_description('app.orders'::regclass, 3),"
            " obj_description('app.v'::regclass), col_description('app.v'::regclass, 1)"
        ).fetchone()
        assert comments == ('what was sold; "all" of it', "it's ü", "a view", "its column")
        with connection.transaction(force_rollback=True):  # roles are all databases'
            connection.execute("CREATE ROLE reader")
            for line in advice:
                connection.execute(line.encode())
            privileges = connection.execute(
                "SELECT has_column_privilege('reader', 'app.orders', 'note', 'UPDATE WITH GRANT OPTION'),"
                " has_column_privilege('reader', 'app.orders', 'id', 'UPDATE WITH GRANT OPTION'),"
                " has_table_privilege('reader', 'app.orders', 'SELECT')"
            ).fetchone()
            assert privileges == (True, False, True)


def test_texts_that_are_not_compared_by_their_bytes_are_only_moved_about(target_db: Database, tmp_path: Path) -> None:
    d = from_text(
        "CREATE TABLE app.t (id NUMBER(9) PRIMARY KEY, name VARCHAR2(9) DEFAULT 'x' NOT NULL, other VARCHAR2(9),\n"
        "  plain VARCHAR2(9),\n"
        "  CONSTRAINT t_uk UNIQUE (name), CONSTRAINT t_ck CHECK (name <> 'a'), CONSTRAINT t_same CHECK (name <> other));\n"
        "CREATE TABLE app.child (id NUMBER(9), other VARCHAR2(9),\n"
        "  CONSTRAINT child_fk FOREIGN KEY (other) REFERENCES app.t (name));\n"
        "CREATE VIEW app.moved (id, name) AS SELECT id, name FROM t WHERE plain = 'a';\n"
        "CREATE VIEW app.compared (id) AS SELECT id FROM t WHERE name = 'a';\n"
        "CREATE VIEW app.grouped (name, n) AS SELECT name, COUNT(*) FROM t GROUP BY name;\n"
        "CREATE VIEW app.once (name) AS SELECT DISTINCT name FROM t;\n"
        "CREATE VIEW app.greatest (name) AS SELECT MAX(name) FROM t;\n"
        "CREATE VIEW app.sorted (name) AS SELECT name FROM t ORDER BY 1;\n"
        "CREATE VIEW app.both (name) AS SELECT name FROM t UNION SELECT name FROM t;\n"
        "CREATE VIEW app.all_of (name) AS SELECT name FROM t UNION ALL SELECT name FROM t;\n"
        "CREATE VIEW app.joined (id) AS SELECT a.id FROM t a JOIN t b USING (name);\n"
        "CREATE VIEW app.numbered (n) AS SELECT ROW_NUMBER() OVER (PARTITION BY name ORDER BY id) FROM t;\n"
        "CREATE VIEW app.counted (n) AS SELECT COUNT(DISTINCT name) FROM t;\n"
        "CREATE INDEX app.t_name ON app.t (name);\n"
        "CREATE GLOBAL TEMPORARY TABLE app.aside (id NUMBER(9) PRIMARY KEY) ON COMMIT PRESERVE ROWS;\n"
    )
    insensitive = ("NAME", "OTHER")
    dictionary = replace(
        d,
        tab_cols=tuple(replace(row, collation="BINARY_CI") if row.column_name in insensitive else row for row in d.tab_cols),
        tables=tuple(replace(row, read_only="YES") for row in d.tables),
    )
    exported = export(dictionary, tmp_path / "schema")
    assert not_spoken_of(dictionary, exported) == []
    import_all(target_db, tmp_path)
    found = codes(exported)
    for name, code, words in (
        ("app.t.name", "COLLATION", "BINARY_CI compares it on the source"),
        ("app.t.t_ck", "CHECK_LEFT_OUT", ""),
        ("app.t.t_same", "CHECK_LEFT_OUT", ""),
        ("app.child.child_fk", "CONSTRAINT_LEFT_OUT", "BINARY_CI compares it on the source"),
        ("app.compared", "VIEW_LEFT_OUT", ""),
        ("app.grouped", "VIEW_LEFT_OUT", ""),
        ("app.once", "VIEW_LEFT_OUT", ""),
        ("app.greatest", "VIEW_LEFT_OUT", ""),
        ("app.sorted", "VIEW_LEFT_OUT", "ORDER BY a text that BINARY_CI compares"),
        ("app.both", "VIEW_LEFT_OUT", ""),
        ("app.joined", "VIEW_LEFT_OUT", ""),
        ("app.numbered", "VIEW_LEFT_OUT", ""),
        ("app.counted", "VIEW_LEFT_OUT", ""),
        ("app.t", "TABLE_READ_ONLY", "grant no right to write"),
        ("app.aside", "TEMPORARY_TABLE", "without the constraints"),
    ):
        assert words in found[name][code], (name, code, found.get(name))
    assert not {"app.moved", "app.all_of"} & found.keys()
    assert "app.t.plain" not in found
    with target_db.connect() as connection:
        connection.execute("INSERT INTO app.t (id) VALUES (1)")
        assert connection.execute("SELECT name FROM app.t").fetchone() == ("x",)
