"""Preflight's checks of an Oracle source over its facts. Pure: each says what would break, and the statement that mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager_ops.databases.oracle import check_mends
from voyager_ops.databases.oracle.check_facts import OracleFacts, Plan
from voyager_ops.databases.oracle.check_redo import check_redo, check_undo
from voyager_ops.databases.oracle.check_rights import alter_mends, check_rights, lacking
from voyager_ops.databases.oracle.check_tables import check_tables
from voyager_ops.databases.oracle.check_text import check_text
from voyager_ops.databases.oracle.prepare_sql import supplemental_logging
from voyager_ops.model.checks import Check, error, listed, ok, warning
from voyager_ops.model.tables import Table

OLDEST = (12, 1)
CLOCK_SECONDS = 1.0
LONG_SECONDS = 300.0


def check_source(facts: OracleFacts, tables: Sequence[Table], plan: Plan) -> Iterator[Check]:
    """Every check of the source."""
    subject = f"source {facts.where}"
    yield from _server(facts, subject)
    yield from check_text(facts, tables, subject, mines=plan.mines)
    yield from _rights(facts, tables, plan, subject)
    if plan.mines:
        yield from _mining(facts, tables, subject)
        yield from check_redo(facts, tables, plan, subject)
    elif facts.unreadable_views:
        yield error(
            "catalog_views",
            subject,
            f"{facts.user} may not read {listed(facts.unreadable_views)}",
            "nobody can tell when the transactions have ended that were open before the triggers came",
            check_mends.grant(facts, "SELECT ANY DICTIONARY"),
        )
    yield from check_undo(facts, tables, plan, subject)
    yield from _hidden(facts, tables, subject)
    yield from check_tables(facts, tables, subject, mines=plan.mines)


def _native(table: Table) -> tuple[str, str]:
    return table.native_name.schema, table.native_name.name


def _server(facts: OracleFacts, subject: str) -> Iterator[Check]:
    version = ".".join(str(part) for part in facts.version[:2])
    if facts.version[:2] < OLDEST:
        yield error(
            "version",
            subject,
            f"Oracle {version} is too old",
            "views and functions that the migration relies on are not there",
            "use Oracle 12.1 or later (19c is the oldest that is still supported by Oracle)",
        )
    else:
        yield warning(
            "version",
            subject,
            f"Oracle {version}",
            "has been run against a simulated Oracle only",
            "rehearse the migration with a copy of the database, verify included",
        )
    if not facts.state_known:
        yield error(
            "database_state",
            subject,
            f"{facts.user} may not read V$DATABASE",
            "no moment can be named to read tables as of, and the state of the database is not known",
            check_mends.grant(facts, "SELECT ANY DICTIONARY"),
        )
    elif facts.role and facts.role != "PRIMARY":
        yield error(
            "standby",
            subject,
            f"the database is a {facts.role.lower()}",
            "it takes no writes: no marker, no cutover",
            "give the primary's address in the configuration",
        )
    elif not facts.open_mode.startswith("READ WRITE"):
        yield error(
            "open_mode",
            subject,
            f"the database is open as {facts.open_mode or 'nothing'}",
            "it takes no writes: no marker, no cutover",
            "ALTER DATABASE OPEN READ WRITE",
        )
    if abs(facts.clock_offset) > CLOCK_SECONDS:
        yield warning(
            "clock",
            subject,
            f"its clock differs from this machine's by {facts.clock_offset:+.1f} s",
            "lag in seconds is wrong by that much; nothing else depends on clocks",
            "synchronize the clocks (NTP)",
        )
    long = [(who, seconds) for who, seconds in facts.long_transactions if seconds > LONG_SECONDS]
    if long:
        yield warning(
            "long_transactions",
            subject,
            f"transactions are open for long: {listed(f'{who}, {seconds / 60:.0f} min' for who, seconds in long)}",
            "the snapshot begins only when everything that was open at its start has ended",
            "have them committed or rolled back",
        )


def _rights(facts: OracleFacts, tables: Sequence[Table], plan: Plan, subject: str) -> Iterator[Check]:
    yield from check_rights(facts, tables, plan, subject)
    yield _dictionary(facts, subject)
    if not facts.quota and "UNLIMITED TABLESPACE" not in facts.privileges:
        yield error(
            "quota",
            subject,
            f"{facts.user} has no room in any tablespace",
            "our own small tables (markers) cannot be filled" if plan.mines else "the application's statements would fail",
            check_mends.room(facts, mines=plan.mines),
        )


def _dictionary(facts: OracleFacts, subject: str) -> Check:
    """Without the DBA_ views we see what was granted to us, and cannot tell what else there is."""
    if facts.whole_dictionary:
        return ok("dictionary", subject, f"{facts.user} sees every object of the schemas")
    return warning(
        "dictionary",
        subject,
        f"{facts.user} may not read the DBA_ views: it sees only what was granted to it",
        "tables, sequences and views that were not granted, and partitions, are left out without a word; a sequence that is"
        " left out does not go on where it was, and the application's inserts on the target fail",
        check_mends.grant(facts, "SELECT ANY DICTIONARY"),
    )


def _mining(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    if facts.root_refused:
        yield error(
            "container",
            subject,
            f"no session in CDB$ROOT: {facts.root_refused}",
            "redo cannot be mined: a common user mines in the root",
            f"{check_mends.grant(facts, 'SET CONTAINER')}; or name a service of the root in the URL (cdb_service=…), or cdb=no",
        )
    if facts.container not in (None, "CDB$ROOT") and not facts.mines_in_root and facts.version[:1] < (21,):
        yield warning(
            "local_mining",
            subject,
            f"{facts.user} mines in the pluggable database {facts.container}",
            "before Oracle 21c redo is mined in CDB$ROOT only: capture may be refused (ORA-65040)",
            "use a common user (C##…), cdb=switch, or a service of the root (cdb_service=…) in the URL",
        )
    if facts.may_mine:
        yield ok("dbms_logmnr", subject, f"{facts.user} may call DBMS_LOGMNR")
    else:
        yield error(
            "dbms_logmnr",
            subject,
            f"{facts.user} may not call DBMS_LOGMNR",
            "redo cannot be mined: no change after the snapshot would reach the target",
            check_mends.may_mine(facts),
        )
    if facts.unreadable_views:
        yield error(
            "catalog_views",
            subject,
            f"{facts.user} may not read {listed(facts.unreadable_views)}",
            "capture cannot find the redo logs, or not tell what is open and who writes",
            check_mends.grant(facts, "SELECT ANY DICTIONARY"),
        )
    else:
        yield ok("catalog_views", subject, "all views of the running server that capture reads can be read")
    if not facts.state_known:
        return
    if facts.log_mode == "ARCHIVELOG":
        yield ok("archivelog", subject, "redo is archived")
    else:
        yield error(
            "archivelog",
            subject,
            f"the database runs in {facts.log_mode or 'an unknown log mode'}",
            "redo is overwritten before it has been mined: changes would be lost",
            check_mends.archiving(facts),
        )
    if facts.supplemental == "NO":
        yield error(
            "supplemental_minimal",
            subject,
            "minimal supplemental logging is off",
            "redo does not say which row a change belongs to",
            check_mends.minimal_logging(facts),
        )
    else:
        yield ok("supplemental_minimal", subject, "minimal supplemental logging is on")
    yield from _supplemental(facts, tables, subject)


def _supplemental(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    missing = [] if facts.supplemental_all else [name for name in map(_native, tables) if name not in facts.logged]
    if not missing:
        yield ok("supplemental_all", subject, "every table logs all its columns")
        return
    refused = lacking(facts, "ALTER", missing)
    if refused:
        logged = "; ".join(supplemental_logging(*name) for name in refused[:3]) + (" …" if len(refused) > 3 else "")
        yield error(
            "supplemental_all",
            subject,
            f"{len(refused)} tables do not log all their columns, and {facts.user} may not alter them:"
            f" {listed('.'.join(name) for name in refused)}",
            "the redo of a change names only the columns it changed: rows would be applied with holes",
            f"{alter_mends(facts, refused)}; or {logged}",
        )
    else:
        yield ok("supplemental_all", subject, f"{len(missing)} tables get all their columns logged when capture is prepared")


def _hidden(facts: OracleFacts, tables: Sequence[Table], subject: str) -> Iterator[Check]:
    """What makes a reader see other rows, or other values, than there are."""
    names = set(map(_native, tables))
    for id_, found, privilege, what in (
        ("row_security", facts.hidden_rows, "EXEMPT ACCESS POLICY", "row-level security policies are enabled on"),
        ("redaction", facts.redacted, "EXEMPT REDACTION POLICY", "values are redacted in"),
    ):
        affected = sorted(".".join(name) for name in names & found)
        if affected and privilege not in facts.privileges:
            yield error(
                id_,
                subject,
                f"{what} {listed(affected)}",
                "rows that a policy hides, or values that it masks, would be missing or wrong on the target",
                check_mends.grant(facts, privilege),
            )
