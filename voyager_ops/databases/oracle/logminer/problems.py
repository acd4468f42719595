"""What stops a lane for good, in words."""

from __future__ import annotations

from typing import Final

from voyager_ops.databases.oracle.database import OracleDatabase
from voyager_ops.errors import SourceChanged, StreamLost
from voyager_ops.model.tables import QName

STATEMENT_SHOWN: Final = 500
"""Characters of a statement."""
_BEFORE = "every transaction before it is in the change log and can be applied; nothing from it on was published"


def lost(database: OracleDatabase, why: str) -> StreamLost:
    """Redo that is needed cannot be read any more."""
    return StreamLost(
        f"redo that was not captured can no longer be read on the {database.side} {database.where}: {why}",
        state="everything captured before is intact and can be applied; what follows is no longer in the redo logs",
        next_step="if the archived logs are in a backup, restore them (RMAN: RESTORE ARCHIVELOG) and start this command again."
        " Otherwise this lane cannot go on without a gap: end this migration (voyager-ops end migration), keep archived logs for"
        " longer, and start it anew",
    )


def changed(database: OracleDatabase, table: QName, scn: int, statement: str) -> SourceChanged:
    """DDL after which no table is left to capture, or none of ours."""
    return SourceChanged(
        f"table {table} on the {database.side} changed at SCN {scn}, while its changes are streamed: "
        + " ".join(statement.split())[:STATEMENT_SHOWN],
        state=_BEFORE,
        next_step="what was captured before can still be applied; to go on, end this migration (voyager-ops end migration) and"
        " start it anew with the new structure",
    )


def unreadable(database: OracleDatabase, why: str) -> SourceChanged:
    """A row that is no change we know; ``why`` shows it."""
    return SourceChanged(
        f"a row of the redo of the {database.side} {database.where} cannot be captured: {why}",
        state=_BEFORE,
        next_step="see what kind of change it is; leave its table out (tables.exclude), or mend the cause (supplemental logging),"
        " then end this migration (voyager-ops end migration) and start it anew",
    )
