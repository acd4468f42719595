"""Oracle's error numbers: which pass by themselves, and what each kind means to a migration."""

from __future__ import annotations

import re
from typing import Final

import oracledb

from voyager_ops.errors import ConnectionFailed, PreconditionError, RetryableError, VoyagerOpsError

CONNECTION: Final = frozenset(
    {28, 603, 1012, 1033, 1034, 1089, 1090, 1092, 2396, 2399, 3113, 3114, 3135, 12152, 12153, 12170, 12514, 12516, 12518, 12519}
    | {
        12520,
        12528,
        12537,
        12541,
        12543,
        12547,
        12564,
        12570,
        12571,
        12583,
        12606,
        12608,
        12609,
        12757,
        12805,
        25401,
        25402,
        25408,
    }
)
"""The session is gone or was not to be had; a new one may be."""
LOCKED: Final = frozenset({54, 60, 4020, 4021, 8177, 14551, 24756, 30006})
"""Another session was in the way: busy resources, deadlocks, serialization."""
SNAPSHOT_TOO_OLD: Final = frozenset({1555, 8180, 22924})
"""The undo of the asked-for moment is gone: a later moment can be had. 22924 is ORA-01555 of a LOB."""
REDO_NOT_YET: Final = frozenset({310, 1291, 1306, 1289, 1354})
"""The list of redo logs that mining was begun with is no longer right: begin again with a new one."""
DEFINITION_CHANGED: Final = frozenset({1466})
"""The table's definition is younger than the asked-for moment: DDL went between."""
NOT_THERE: Final = 942
OTHER_TABLE: Final = frozenset({904, NOT_THERE})
"""A column or a table is not there."""
PRIVILEGE: Final = frozenset({942, 1031, 1045, 1920, 1950, 4043, 6550, 41900})
"""Missing rights; to a user without rights on it, an object does not exist."""
NO_SESSION: Final = 1045
OLDER_COMPATIBLE: Final = 406
"""What is asked for came with a later release than the server's COMPATIBLE says."""
"""The user may not connect."""
LOGIN: Final = frozenset({1017, 1005, 28000, 28001, 28003, 28009, 28365})
"""User or password are wrong, locked or expired: waiting does not help."""
MINING_ENDED: Final = 1307
UNIQUE_VIOLATED: Final = 1
NAME_IN_USE: Final = frozenset({955, 1408, 2260, 2261, 2275, 32588, 32589})
"""What was to be created is there already."""

_CODE = re.compile(r"ORA-(\d{5})")


def ora_code(error: BaseException) -> int | None:
    """The ORA number of a driver's error, None for what is not the server's (DPY-… of the driver itself, for instance).

    The driver wraps some refusals of the listener in its own code: the first ORA number in the message counts then.
    """
    if not isinstance(error, oracledb.Error) or not error.args:
        return None
    details = error.args[0]
    full = str(getattr(details, "full_code", "") or "")
    if full.startswith("ORA-"):
        return int(full.removeprefix("ORA-"))
    found = _CODE.search(str(getattr(details, "message", details)))
    return int(found[1]) if found else None


def is_disconnect(error: BaseException) -> bool:
    """Whether the session is gone (or was never there), so that only a new connection helps."""
    code = ora_code(error)
    if code is not None:
        return code in CONNECTION
    if not isinstance(error, oracledb.Error) or not error.args:
        return isinstance(error, ConnectionError)
    full = str(getattr(error.args[0], "full_code", "") or "")
    return full in _DRIVER_DISCONNECTED


_DRIVER_DISCONNECTED: Final = frozenset({"DPY-1001", "DPY-4011", "DPY-4024", "DPY-6000", "DPY-6005", "DPY-6003", "DPY-6001"})
"""Not connected; connection closed; call timed out; the listener refused, cannot connect, unknown SID, unknown service."""


def is_passing(error: BaseException) -> bool:
    """Whether the same command may succeed later unaided."""
    return is_disconnect(error) or ora_code(error) in LOCKED | SNAPSHOT_TOO_OLD | REDO_NOT_YET


def message_of(error: BaseException) -> str:
    """The error's own words on one line: without the help address that the driver appends."""
    details = error.args[0] if isinstance(error, oracledb.Error) and error.args else error
    text = str(getattr(details, "message", details))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("Help: https://")]
    return " ".join(" ".join(lines).split())


def translate(error: BaseException, what: str, state: str = "", next_step: str = "") -> VoyagerOpsError:
    """Our error for a driver's: ``what`` failed, followed by the server's words.

    ConnectionFailed where the session is gone, RetryableError for what else passes, PreconditionError for rights and log-in,
    VoyagerOpsError otherwise. Chain it with ``from None`` where the statement or binds could hold a secret.
    """
    text = f"{what}: {message_of(error)}"
    code = ora_code(error)
    if is_disconnect(error):
        return ConnectionFailed(text, state=state, next_step=next_step)
    if is_passing(error):
        return RetryableError(text, state=state, next_step=next_step)
    if code in PRIVILEGE or code in LOGIN:
        return PreconditionError(text, state=state, next_step=next_step)
    return VoyagerOpsError(text, state=state, next_step=next_step)
