from __future__ import annotations

import pytest

from voyager_ops.databases.oracle.logminer.ddl import also_named, dropped_user, emptied_cluster, meaning


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("truncate table hr.t;", "truncate"),
        ('TRUNCATE TABLE "HR"."T" DROP STORAGE;', "truncate"),
        ("/* hint */ truncate\n table t", "truncate"),
        ("truncate table hr.t cascade;", "change"),
        ("ALTER TABLE hr.t TRUNCATE PARTITION p1", "change"),
        ("alter table hr.t add (c number)", "change"),
        ("alter table hr.t add c number", "change"),
        ('alter table "HR"."T" drop column c;', "change"),
        ("alter table t modify c number(10)", "change"),
        ("alter table t modify (c not null)", "change"),
        ("alter table t rename column a to b", "change"),
        ("alter table t rename to u", "change"),
        ("alter table t drop partition p1", "change"),
        ("alter table t exchange partition p1 with table u", "change"),
        ("alter table t drop constraint pk", "change"),
        ("alter table t drop supplemental log data (all) columns", "change"),
        ("alter table t disable primary key", "change"),
        ("alter table t nologging", "change"),
        ("alter table t set unused (a)", "change"),
        ("drop table t purge", "change"),
        ("rename t to u", "change"),
        ("create table t (a number)", "change"),
        ("flashback table t to scn 5", "change"),
        ("alter table hr.t add supplemental log data (all) columns;", "harmless"),
        ("alter table t add constraint fk foreign key (a) references u", "harmless"),
        ("alter table t add (constraint c check (a > 0))", "harmless"),
        ("alter table t add (constraint c check (a in (1, 2)), constraint d unique (a, b))", "harmless"),
        ("alter table t add constraint c check (a <> ', add (x number)') add constraint d check (b > 0)", "harmless"),
        ("alter table t add (constraint c check (a in (1, 2)), x number)", "change"),
        ('alter table t add (constraint c check (a > 0), "CONSTRAINT" number)', "change"),
        ("alter table t add constraint c check (a > 0) add (x number)", "change"),
        ("alter table t add constraint c check (a > 0) add x number", "change"),
        ("alter table t add partition p2 values less than (5)", "harmless"),
        ("alter table t read only", "harmless"),
        ("alter table t enable all triggers", "harmless"),
        ("alter table t disable constraint fk", "harmless"),
        ("alter table t disable all triggers", "harmless"),
        ("alter table t move online", "harmless"),
        ("alter table t move including rows where id > 5", "change"),
        ("alter table hr.t move online\n including  rows where id > 5", "change"),
        ("alter table t move partition p including rows where id > 5", "change"),
        ("alter table t split partition p at (5) into (partition a, partition b) including rows where x = 1", "change"),
        ("alter table t merge partitions a, b into partition c including rows where x = 1", "change"),
        ("alter table t move partition p tablespace u including indexes (i tablespace v)", "harmless"),
        ("alter table t add constraint c check (a > 0) modify (b varchar2(50))", "change"),
        ("alter table t enable constraint c modify (b number)", "change"),
        ("alter table t enable constraint c rename column a to b", "change"),
        ("alter table t add constraint c unique (a) drop column b", "change"),
        ("alter table t enable constraint c set unused (b)", "change"),
        ("alter table t disable constraint c drop index", "harmless"),
        ("alter table t enable constraint c modify constraint d disable", "harmless"),
        ("alter table t add constraint c foreign key (a) references u on delete set null", "harmless"),
        ("alter table t add constraint c check (a <> 'modify (b number)')", "harmless"),
        ("alter table t rename constraint a to b", "harmless"),
        ("create unique index i on t (a)", "harmless"),
        ("alter index i rebuild", "harmless"),
        ("create or replace editionable trigger tr before insert on t begin null; end;", "harmless"),
        ("comment on column t.a is 'drop column'", "harmless"),
        ("grant select on t to u", "harmless"),
    ],
)
def test_meanings(statement: str, expected: str) -> None:
    assert meaning(statement) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("rename t to u;", [("HR", "T"), ("HR", "U")]),
        ('RENAME "Mixed" TO /* x */ u', [("HR", "Mixed"), ("HR", "U")]),
        ("alter table t rename to u", [("HR", "T"), ("HR", "U")]),
        ('alter table "App"."T"\n rename to u;', [("App", "T"), ("App", "U")]),
        ("alter table other.p exchange partition p1 with table hr.t without validation", [("HR", "T")]),
        ("alter table p exchange subpartition for (5) with table t including indexes", [("HR", "T")]),
        ("alter table t rename column a to b", []),
        ("alter table t add (c number)", []),
        ("comment on table t is 'rename t to u'", []),
    ],
)
def test_tables_beside_the_one_that_the_row_names(statement: str, expected: list[tuple[str, str]]) -> None:
    assert also_named(statement, "HR") == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("alter table t disable constraint t_pk", "change"),
        ('alter table t disable novalidate constraint "T_PK" cascade', "change"),
        ("alter table t modify constraint t_pk disable", "change"),
        ("alter table t enable constraint fk disable primary key", "change"),
        ("alter table t add constraint c check (a <> 'x') disable constraint t_pk keep index", "change"),
        ("alter table t enable all triggers disable constraint fk", "harmless"),
        ("alter table t disable constraint t_pk2", "harmless"),
        ("alter table t modify constraint t_pk rely", "harmless"),
        ("alter table t enable constraint t_pk", "harmless"),
        ("alter table t add constraint c check (a <> 'disable constraint t_pk')", "harmless"),
    ],
)
def test_without_its_primary_key_rows_may_come_twice(statement: str, expected: str) -> None:
    assert meaning(statement, "T_PK") == expected


@pytest.mark.parametrize(
    ("statement", "user", "cluster"),
    [
        ("drop user hr cascade;", "HR", None),
        ('DROP USER IF EXISTS "Hr"\n CASCADE', "Hr", None),
        ("drop user hr", "", None),
        ("truncate cluster app.c reuse storage", "", ("APP", "C")),
        ('drop cluster "C" including tables cascade constraints', "", ("", "C")),
        ("drop cluster c", "", None),
        ("truncate table c", "", None),
    ],
)
def test_statements_that_change_tables_without_naming_them(statement: str, user: str, cluster: tuple[str, str] | None) -> None:
    assert dropped_user(statement) == user
    assert emptied_cluster(statement) == cluster
