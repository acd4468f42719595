"""The redo scanner: statements made from values must read back as those values, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases.oracle.logminer import redo_kit as kit
from tests.databases.oracle.logminer.redo_kit import Row, pairs
from voyager_ops.databases.oracle.logminer.redo import RedoError, parse, parse_locator
from voyager_ops.databases.oracle.logminer.relaxed import requote
from voyager_ops.model.changes import DELETE, INSERT, UPDATE


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kit.names, kit.names, kit.rows(), st.sampled_from(["", " "]))
def test_an_insert_reads_back(owner: str, table: str, row: Row, space: str) -> None:
    redo = parse(kit.insert(owner, table, row, space))
    assert (redo.op, redo.owner, redo.table) == (INSERT, owner, table)
    assert pairs(redo.new_names, redo.new_values) == row
    assert not redo.old_names


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kit.rows(), kit.rows(), st.sampled_from(["", "a"]))
def test_an_update_reads_back(new: Row, old: Row, alias: str) -> None:
    redo = parse(kit.update("O", "T", new, old, alias))
    assert redo.op == UPDATE
    assert pairs(redo.new_names, redo.new_values) == new
    assert pairs(redo.old_names, redo.old_values) == old


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kit.rows(), st.sampled_from(["", "a"]))
def test_a_delete_reads_back(old: Row, alias: str) -> None:
    redo = parse(kit.delete("O", "T", old, alias))
    assert redo.op == DELETE
    assert pairs(redo.old_names, redo.old_values) == old


_simple = st.one_of(st.none(), st.text("ab, ", max_size=6).map(kit.quoted), st.just("TO_DATE('2020-01-01', 'YYYY-MM-DD')"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kit.rows(_simple), kit.rows(_simple), st.data())
def test_a_statement_that_is_cut_short_does_not_pass_for_a_whole_one(new: Row, old: Row, data: st.DataObject) -> None:
    """An insert never; an update or delete then has the first of its conditions only, for a semicolon need not be there."""
    for whole in (kit.insert("O", "T", new), kit.update("O", "T", new, old), kit.delete("O", "T", old)):
        cut = whole[: data.draw(st.integers(0, len(whole) - 2))]
        try:
            redo = parse(cut)
        except RedoError:
            continue
        full = parse(whole)
        assert redo.op != INSERT
        assert pairs(redo.new_names, redo.new_values) == pairs(full.new_names, full.new_values)[: len(redo.new_names)]
        assert pairs(redo.old_names, redo.old_values) == pairs(full.old_names, full.old_values)[: len(redo.old_names)]


def test_the_forms_of_the_reference() -> None:
    redo = parse('update "HR"."T" a set a."A" = \'x\', a."B" = NULL where a."A" IS NULL and a."B" = Unsupported Type;')
    assert pairs(redo.new_names, redo.new_values) == [("A", "'x'"), ("B", None)]
    assert pairs(redo.old_names, redo.old_values) == [("A", None), ("B", "Unsupported Type")]
    assert parse('update "HR"."T" set "A" = \'x\'').old_names == ()
    assert parse('delete from "HR"."T"').old_names == ()
    redo = parse('delete from "HR"."T" where "A" = \'1\' and ROWID = \'AAAR3sAAEAAAACXAAA\';')
    assert pairs(redo.old_names, redo.old_values) == [("A", "'1'")]
    assert parse("insert into \"HR\".\"T\"(\"A\",\"B\") values ('1', UNISTR('\\0041''') || UNISTR('b'));").new_values == [
        "'1'",
        "UNISTR('\\0041''') || UNISTR('b')",
    ]


@pytest.mark.parametrize("end", ["", ";", " ;", "\n;\n", ";  "])
def test_the_delimiter_may_stand_apart_or_not_be_there(end: str) -> None:
    for statement in (
        'insert into "O"."T"("A","B") values (\'1\',NULL)',
        'update "O"."T" set "A" = \'1\' where "B" IS NULL',
        'update "O"."T" set "A" = \'1\'',
        'delete from "O"."T" where "A" = \'1\' and "B" IS NULL',
        'delete from "O"."T"',
    ):
        whole, ended = parse(statement), parse(statement + end)
        assert (ended.op, list(ended.new_values), list(ended.old_values)) == (
            whole.op,
            list(whole.new_values),
            list(whole.old_values),
        )
    with pytest.raises(RedoError):
        parse('update "O"."T" set "A" = \'1\' where "B" = \'2\' ')  # a blank stands before what was cut off
    with pytest.raises(RedoError):
        parse('delete from "O"."T" where "A" = \'1\' for update ;')


FACE = "\U0001f600"
EMPTY = "''"
QUOTE = "''" * 2


@pytest.mark.parametrize(
    ("statement", "new", "old"),
    [
        ('update "O"."T" a set a."A" = \'1\' where a."A" = \'0\' and a.ROWID = \'AAAR3sAAEAAAACXAAA\';', ["'1'"], ["'0'"]),
        ('update "O"."T" set "A" = \'1\' where ROWID = \'AAAR3sAAEAAAACXAAA\';', ["'1'"], []),
        ('update "O"."T" set "A" = \'1\' where "A" = \'1\';', ["'1'"], ["'1'"]),
        ('update "O"."T" set "A" = NULL where "A" = \'\';', [None], [EMPTY]),
        ('update "O"."T" set "A" = \'\\\' where "A" = \'\\\\\';', ["'\\'"], ["'\\\\'"]),
        ('delete from "O"."T" a where a."A" = \'1\' and a.ROWID = \'AAAR3sAAEAAAACXAAA\';', [], ["'1'"]),
        ('delete from "O"."T" where "A" = \'x\' for update y\';', [], ["'x'' for update y'"]),
        ('update "O"."T" set "A" = \'x\' for update y\' where "A" = \'1\';', ["'x'' for update y'"], ["'1'"]),
        ('insert into "o.x"."T $#"("SELECT","a,b","c) values (") values (\'1\',\'2\',\'3\');', ["'1'", "'2'", "'3'"], []),
        ('insert into "UNKNOWN"."OBJ# 7"("COL 1","COL 2") values (HEXTORAW(\'c102\'),NULL);', ["HEXTORAW('c102')", None], []),
        ('insert into "O"."T"("A","B") values (1E-130,-.5);', ["1E-130", "-.5"], []),
        ('insert into "O"."T"("A","B") values (TRUE,Nan)', ["TRUE", "Nan"], []),
        (f'insert into "O"."T"("A","B") values (\'{FACE}\n\r\t\',\'\');', [f"'{FACE}\n\r\t'", EMPTY], []),
        (f'insert into "O"."T"("A") values (\'{FACE * 4000}\');', [f"'{FACE * 4000}'"], []),
        (
            "insert into \"O\".\"T\"(\"A\",\"B\") values ('a'||chr(39)||'b','c' || 'd');",
            ["'a'||chr(39)||'b'", "'c' || 'd'"],
            [],
        ),
        (
            'insert into "O"."T"("A","B") values (TIMESTAMP \' 2020-01-01 00:00:00\',DATE \'2020-01-01\');',
            ["TIMESTAMP ' 2020-01-01 00:00:00'", "DATE '2020-01-01'"],
            [],
        ),
        (
            'insert into "O"."T"("A","B") values (SYS.XMLTYPE.CREATEXML(\'<a>it\'\'s</a>\'),XMLType(\'<b/>\'));',
            ["SYS.XMLTYPE.CREATEXML('<a>it''s</a>')", "XMLType('<b/>')"],
            [],
        ),
        (
            'insert into "O"."T"("A","B","C") values (\'1\',\'\'\',TIMESTAMP \'2020-01-01 00:00:00\');',
            ["'1'", QUOTE, "TIMESTAMP '2020-01-01 00:00:00'"],
            [],
        ),
        (
            'update "O"."T" set "A" = \'a\' where "B" = \'b\' where "A" = \'x\' and "B" = \'y\';',
            ["'a'' where \"B\" = ''b'"],
            ["'x'", "'y'"],
        ),
    ],
)
def test_awkward_statements(statement: str, new: list[str | None], old: list[str | None]) -> None:
    redo = parse(statement)
    assert (list(redo.new_values), list(redo.old_values)) == (new, old)


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "truncate table x",
        'insert into "A"."B"("C","D") values (\'1\');',
        'insert into "A"."B"("C") values (\'1\',\'2\');',
        'insert into "A"."B"("C") values (\'1\') returning "C";',
        'update "A"."B" set "C" = \'1\', "C" = \'2\' where "D" = \'1\';',
        'update "A"."B" set "C" = \'1\' and "D" = \'2\' where "D" = \'1\';',
        'update "A"."B" set "C" = \'1\' where "D" = \'1\' where "E" = \'1\';',
        'update "A"."B" set "C" = \'1\' where "D" = \'1\', "E" = \'1\';',
        'update "A"."B" set "C" = \'1\' where ',
        'delete from "A"."B" where "C" = \'1\', ',
        'delete from "A"."B" where "C" = \'1\' and ',
        'delete from "A"."B" where "C" > \'1\';',
        'delete from "A"."B" where "C" = \'1\' or "C" = \'2\';',
        'delete from "A"."B" where "C" = \'1\' and "C" = \'2\';',
        'delete from "A"."B" where "C" = \'1\' for update;',
        'update "A"."B" set "C" = \'1\' where "C" = \'2\' for update nowait;',
        'update "A"."B" set where "C" = \'1\';',
        'insert into "A"."B"("C","C") values (\'1\',\'2\');',
        'insert into "A"."B"("C","D") values (\'1\'),(\'2\');',
        'insert into "A"."B"("C") values (\'1\') /* and \'2\' */;',
        'insert into "A"."B"("C") values (INTERVAL \'1-2\' YEAR TO MONTH);',
        'delete from "A"."B" where "C" = \'1\' and "D" is null;',
        'delete from "A"."B" where "C" = \'1\' and rownum = 1;',
    ],
)
def test_what_is_not_a_whole_statement_is_refused(statement: str) -> None:
    with pytest.raises(RedoError):
        parse(statement, lambda _name, literal: literal.strip("'").isdigit())


# -- quotes that were not doubled --------------------------------------------------------------------------------------
_with_lone_quotes = st.lists(st.text('abc xyzäß,.()="', min_size=1, max_size=5), max_size=4).map("'".join)


def _raw(text: str) -> str:
    return "'" + text + "'"


def _meant(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@st.composite
def _broken(draw: Any, count: int) -> tuple[list[str], list[str]]:
    """Literals as printed without doubling, and as they should have been; each text has lone quotes, inside of it, or none.

    A quote at the end of one value and one at the beginning of the next (``'x'', "C1" = ''y'``) look like one well quoted value:
    such a statement is taken at its word.
    """
    texts = draw(st.lists(_with_lone_quotes, min_size=count, max_size=count))
    return [_raw(text) for text in texts], [_meant(text) for text in texts]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(1, 4))
def test_an_insert_with_lone_quotes_reads_back_or_is_refused(data: st.DataObject, count: int) -> None:
    printed, meant = data.draw(_broken(count))
    try:
        redo = parse(kit.insert("O", "T", [(f"C{number}", text) for number, text in enumerate(printed)]))
    except RedoError:
        return
    assert list(redo.new_values) == meant


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(1, 4))
def test_an_update_with_lone_quotes_reads_back_or_is_refused(data: st.DataObject, count: int) -> None:
    printed, meant = data.draw(_broken(2 * count))
    columns = [f"C{number}" for number in range(count)]
    new, old = list(zip(columns, printed[:count], strict=True)), list(zip(columns, printed[count:], strict=True))
    try:
        redo = parse(kit.update("O", "T", [*new], [*old]))
    except RedoError:
        return
    assert list(redo.new_values) + list(redo.old_values) == meant


@pytest.mark.parametrize("value", ["1.5D", "<a/>", "INTERVAL '1' DAY", "?"])
def test_a_value_of_an_unknown_form_does_not_become_part_of_the_text_before_it(value: str) -> None:
    for condition in (f'"B" = {value}', f'a."B" = {value}', f'"B" IS {value}'):
        with pytest.raises(RedoError):
            parse(f'update "O"."T" a set "A" = \'x\', "D" = \'d\' where "A" = \'y\' and {condition} and "C" = \'z\';')
        with pytest.raises(RedoError):
            parse(f'delete from "O"."T" where "A" = \'y\' and {condition} and "C" = \'z\';')
    with pytest.raises(RedoError):
        parse(f'update "O"."T" set "A" = \'x\', "B" = {value}, "C" = \'z\' where "A" = \'y\';')


_SEPARATED = ["{},\n{}", "{},  {}", "{} , {}", "{}\n,{}"]
_JOINED = [" or ", "  and ", " and  ", "\nand ", "\tand\t", " AND ", "\n   And\n   ", "or ", " and\n"]


@pytest.mark.parametrize("separated", _SEPARATED)
def test_columns_that_another_comma_parts_are_not_one_text(separated: str) -> None:
    for value in ("'b'", "'it's'", "NULL", "HEXTORAW('00')"):
        pair = separated.format("\"A\" = 'a'", f'"B" = {value}')
        with pytest.raises(RedoError):
            parse(f'update "O"."T" set {pair} where "ID" = \'1\' and "A" = \'x\' and "B" = \'y\';')
        with pytest.raises(RedoError):
            parse(f'update "O"."T" a set "C" = \'it\'s\', "D" = NULL, {pair}, "E" = \'e\' where "ID" = \'1\' and "A" = \'x\';')


@pytest.mark.parametrize("joined", _JOINED)
def test_conditions_that_are_joined_otherwise_are_not_one_text(joined: str) -> None:
    for condition in (
        "\"B\" = '2'",
        '"B" IS NULL',
        '"B" is null',
        "a.\"B\"  =  '2'",
        "\"B\" = TO_DATE('2020-01-01', 'YYYY-MM-DD')",
    ):
        pair = f"\"A\" = 'x'{joined}{condition}"
        for end in ("", " and \"C\" = '3'"):
            with pytest.raises(RedoError):
                parse(f'delete from "O"."T" where "ID" = \'1\' and {pair}{end};')
            with pytest.raises(RedoError):
                parse(f'update "O"."T" set "A" = \'a\' where {pair}{end};')


@pytest.mark.parametrize("where", [" WHERE ", "\nwhere ", " where  ", "\n  where\n  "])
def test_a_where_that_stands_otherwise_is_not_a_text_s(where: str) -> None:
    with pytest.raises(RedoError):
        parse(f'update "O"."T" set "A" = \'a\', "B" = \'b\'{where}"ID" = \'1\' and "A" = \'x\' and "B" = \'y\';')


def test_a_text_that_holds_another_separator_reads_back_where_there_is_one_reading() -> None:
    text = "a''  AND \"B\" is null"  # doubled, beside a lone quote
    redo = parse(f'delete from "O"."T" where "A" = \'{text}\' and "C" = \'it\'s\';')
    assert pairs(redo.old_names, redo.old_values) == [("A", f"'{text}'"), ("C", "'it''s'")]
    with pytest.raises(RedoError, match="not separated"):  # a comma could be between two conditions
        parse('delete from "O"."T" where "A" = \'a\'\',\n"B" = \'\'b\' and "C" = \'it\'s\';')
    # Lone quotes: a WHERE's separator in SET, columns out of order, or a value that its type cannot have.
    redo = parse('update "O"."T" set "B" = \'a\' or "C" = \'b\' where "B" = \'1\' and "C" = \'2\';')
    assert pairs(redo.new_names, redo.new_values) == [("B", "'a'' or \"C\" = ''b'")]
    redo = parse('update "O"."T" set "B" = \'a\',\n"A" = \'b\' where "A" = \'1\' and "B" = \'2\';')
    assert pairs(redo.new_names, redo.new_values) == [("B", "'a'',\n\"A\" = ''b'")]
    statement = 'delete from "O"."T" where "A" = \'a\' OR "N" = \'b\';'
    redo = parse(statement, lambda name, literal: name != "N" or literal.strip("'").isdigit())
    assert pairs(redo.old_names, redo.old_values) == [("A", "'a'' OR \"N\" = ''b'")]
    with pytest.raises(RedoError, match="not separated"):
        parse(statement)


@pytest.mark.parametrize("comma", [",", ", ", " , ", ",\n"])
def test_conditions_that_a_comma_joins_are_not_one_text(comma: str) -> None:
    for condition in ("\"B\" = '2'", '"B" IS NULL', "\"B\" = TO_DATE('2020-01-01', 'YYYY-MM-DD')"):
        for end in ("", " and \"C\" = '3'", " and \"C\" = 'it's'"):
            with pytest.raises(RedoError):
                parse(f'delete from "O"."T" where "ID" = \'1\' and "A" = \'x\'{comma}{condition}{end};')
            with pytest.raises(RedoError):
                parse(f'update "O"."T" set "A" = \'a\' where "A" = \'x\'{comma}{condition}{end};')


_TEXTS = st.text(st.sampled_from("a', N)("), max_size=6).map(lambda text: f"a{text}a")
_ODD = [" ,", " , ", ",  ", "\n,"]


@given(st.lists(st.tuples(_TEXTS, st.sampled_from([",", ", ", *_ODD])), min_size=2, max_size=4), st.sampled_from(_ODD), st.data())
def test_values_that_stand_otherwise_are_never_read(values: list[tuple[str, str]], odd: str, data: st.DataObject) -> None:
    """Texts with lone quotes or without; what is between two values stands before the second one, once as LogMiner never does."""
    place = data.draw(st.integers(1, len(values) - 1))
    betweens = ["", *(odd if number == place else between for number, (_, between) in enumerate(values) if number)]
    text = "".join(f"{between}'{value}'" for between, (value, _) in zip(betweens, values, strict=True))
    names = ",".join(f'"C{number}"' for number in range(len(values)))
    with pytest.raises(RedoError):
        parse(f'insert into "O"."T"({names}) values ({text});')


def test_a_blank_before_a_comma_between_values_is_not_a_text_s() -> None:
    for between in (" ,", "  , ", "\n,", ",\n", ",  "):
        with pytest.raises(RedoError):
            parse(f'insert into "O"."T"("A","B","C") values (\'a\',\'b\'{between}\'it\',\'s\');')
        with pytest.raises(RedoError):
            parse(f'insert into "O"."T"("A","B") values (\'it\'s\'{between}\'x\');')
        with pytest.raises(RedoError):
            parse(f'insert into "O"."T"("A","B","C") values (\'it\'s\',NULL{between}\'x\');')


def test_a_value_of_an_unknown_form_further_on_does_not_become_part_of_the_text_before_it() -> None:
    for between in ('"N" = NULL', "\"N\" = TO_DATE('2020-01-01')", '"N" IS NULL'):
        with pytest.raises(RedoError):
            parse(f'delete from "O"."T" where "A" = \'x\' and {between} and "B" = 1.5D and "C" = \'z\';')


def test_blanks_around_the_equals_sign_may_be_missing() -> None:
    redo = parse("delete from \"O\".\"T\" where \"A\" = 'y' and \"B\"= '2' and \"C\" ='it''s' and ROWID ='AAA';")
    assert pairs(redo.old_names, redo.old_values) == [("A", "'y'"), ("B", "'2'"), ("C", "'it''s'")]


def test_lone_quotes_read_back_where_there_is_one_reading() -> None:
    statement = 'update "O"."T" set "A" = \'" l\'arrière, j\'ai eu "B" = des nausées\' where "ID" = \'7\' and "A" = \'it\'s\';'
    redo = parse(statement)
    assert pairs(redo.new_names, redo.new_values) == [("A", "'\" l''arrière, j''ai eu \"B\" = des nausées'")]
    assert pairs(redo.old_names, redo.old_values) == [("ID", "'7'"), ("A", "'it''s'")]
    redo = parse('insert into "O"."T"("ID","A","B") values (\'7\',\'it\'s\',TO_DATE(\'2020-01-01\', \'YYYY-MM-DD\'));')
    assert redo.new_values == ["'7'", "'it''s'", "TO_DATE('2020-01-01', 'YYYY-MM-DD')"]
    redo = parse('insert into "O"."T"("ID","A","B") values (\'7\',UNISTR(\'it\'s\'),NULL);')
    assert redo.new_values == ["'7'", "UNISTR('it''s')", None]
    redo = parse('delete from "O"."T" where "ID" = \'7\' and "A" = \'\'tis\' and "B" IS NULL;')
    assert pairs(redo.old_names, redo.old_values) == [("ID", "'7'"), ("A", "'''tis'"), ("B", None)]


def test_of_several_readings_the_types_may_decide_else_none_is_taken() -> None:
    statement = 'insert into "O"."T"("ID","A","N") values (\'7\',\'a\',\'b\',\'3\');'
    with pytest.raises(RedoError, match="3 ways"):
        parse(statement)
    numbers = {"ID", "N"}
    redo = parse(statement, lambda name, literal: name not in numbers or literal.strip("'").isdigit())
    assert redo.new_values == ["'7'", "'a'',''b'", "'3'"]


def test_a_column_twice_cannot_be_so_and_what_is_left_is_ambiguous() -> None:
    with pytest.raises(RedoError, match="2 ways"):
        parse('update "O"."T" set "A" = \'x\', "B" = \'y\', "A" = \'z\' where "ID" = \'1\';')


def test_requote_leaves_doubled_quotes_alone() -> None:
    assert requote("'it''s'") == "'it''s'"
    assert requote("'it's'") == "'it''s'"
    assert requote("''") == "''"


# -- rows that name one column of one row --------------------------------------------------------------------------------
def test_locators() -> None:
    lob = parse_locator(
        'DECLARE \n loc_c CLOB; \n buf_c VARCHAR2(6156); \n loc_b BLOB; \n buf_b RAW(6156); \nBEGIN\n select "TEXT" into loc_c '
        'from "O"."T" where "ID" = \'1\' and "NAME" = \'it\'\'s\' for update;\n'
    )
    assert (lob.owner, lob.table, lob.column) == ("O", "T", "TEXT")
    assert pairs(lob.names, lob.values) == [("ID", "'1'"), ("NAME", "'it''s'")]
    xml = parse_locator('XML DOC BEGIN:  select "DOC" from "O"."T" where "ID" = \'1\';')
    assert (xml.column, list(xml.values)) == ("DOC", ["'1'"])
    xml = parse_locator('update "O"."T" a set a."DOC" = XMLType(:1) where a."ID" = \'1\';')
    assert (xml.column, list(xml.values)) == ("DOC", ["'1'"])
    long = parse_locator('DECLARE\n x;\nBEGIN\n Stmt := \'update "O"."T" set "LONG" = :VAR where "ID" = \'\'1\'\'\';\n')
    assert (long.owner, long.table, long.column, list(long.values)) == ("O", "T", "LONG", ["'1'"])
    with pytest.raises(RedoError):
        parse_locator("buf_c := 'x'; dbms_lob.write(loc_c, 1, 1, buf_c);")
