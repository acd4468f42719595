"""The last proof of a conversion: the target runs every statement, in one transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from voyager_ops.errors import RetryableError
from voyager_ops.schema.classify import classify
from voyager_ops.schema.findings import Finding
from voyager_ops.schema.importer import configure
from voyager_ops.schema.kinds import IMPORT_STAGES, KIND_ORDER, Kind, Stage
from voyager_ops.schema.statements import Statement

Ordered = list[tuple[Kind, Statement]]
# An object is there already (the schema was imported), or the transaction holds more locks than the server has room for.
_PROVES_NOTHING = {"42P07", "42710", "42P06", "53200"}


def trial(connection: psycopg.Connection[Any], ordered: Sequence[tuple[Kind, Statement]]) -> tuple[Ordered, list[Finding]]:
    """``ordered`` with what the target refuses moved among what is never run, and a finding for each.

    Nothing stays on the target. Where its objects are there already the trial proves nothing: a finding says so, and ``ordered``
    comes back as it was. Raises RetryableError when the connection is lost.
    """
    refused: dict[int, psycopg.Error] = {}
    waiting = sorted(
        (n for n, (kind, _) in enumerate(ordered) if kind.stage in IMPORT_STAGES), key=lambda n: _place(ordered[n][0], n)
    )
    try:
        with connection.transaction(force_rollback=True):
            configure(connection)
            while waiting:
                refused = {}
                for number in waiting:
                    try:
                        with connection.transaction():
                            connection.execute(ordered[number][1].text.encode())
                    except psycopg.Error as failure:
                        if connection.closed:
                            raise
                        refused[number] = failure
                if len(refused) in (0, len(waiting)):
                    break
                waiting = list(refused)  # what missed an object may find it now
    except psycopg.OperationalError as failure:
        raise RetryableError(
            f"the statements could not be tried on the target: {failure}",
            state="nothing was written, here or there",
            next_step="voyager-ops export schema",
        ) from failure
    hindered = next((failure for failure in refused.values() if failure.sqlstate in _PROVES_NOTHING), None)
    if hindered is not None:
        message = f"the statements were not tried on the target: {_said(hindered)}"
        return list(ordered), [Finding("NOT_TRIED", "schema", "", message)]
    kept = [(Kind.OMITTED if number in refused else kind, statement) for number, (kind, statement) in enumerate(ordered)]
    findings = [_finding(*ordered[number], failure) for number, failure in refused.items()]
    return sorted(kept, key=lambda item: item[0] is Kind.OMITTED), findings


def _place(kind: Kind, number: int) -> tuple[int, int, int]:
    """The order of an import: before the data as exported, then by kind."""
    stage = list(Stage).index(kind.stage)
    return (stage, 0 if kind.stage is Stage.BASE else KIND_ORDER[kind], number)


def _said(failure: psycopg.Error) -> str:
    return (failure.diag.message_primary or str(failure)).strip()


def _finding(kind: Kind, statement: Statement, failure: psycopg.Error) -> Finding:
    message = f"the target refuses it: [{failure.sqlstate}] {_said(failure)}. It is in advice/omitted.sql"
    return Finding("STATEMENT_LEFT_OUT", kind.value.replace("_", " "), classify(statement.node).name, message)
