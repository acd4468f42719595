"""The errors of the package: few classes, and every message answers three questions.

What failed and on what; what state the data is in; which command comes next. Errors carry no secrets: whoever raises one
passes names of databases, tables and files, never connection strings.
"""

from __future__ import annotations


class VoyagerOpsError(Exception):
    """Root of all errors a user may see. ``retryable`` says whether starting the same command again can succeed unaided."""

    retryable = False

    def __init__(self, what: str, *, state: str = "", next_step: str = "") -> None:
        self.what = what
        self.state = state
        self.next_step = next_step
        parts = [what.rstrip()]
        if state:
            parts.append(f"State of the data: {state.rstrip()}")
        if next_step:
            parts.append(f"Next: {next_step.rstrip()}")
        super().__init__("\n".join(parts))


class ConfigError(VoyagerOpsError):
    """The configuration is not usable; nothing has been touched. ``key`` is the dotted path, ``line`` is 1-based or None.

    ``reason`` is the message without file, line and key.
    """

    def __init__(self, what: str, *, key: str = "", line: int | None = None, file: str = "", next_step: str = "") -> None:
        self.reason = what
        self.key = key
        self.line = line
        self.file = file
        where = f"{file or 'configuration'}" + (f", line {line}" if line else "") + (f", key {key!r}" if key else "")
        super().__init__(f"{where}: {what}", next_step=next_step)


class PreconditionError(VoyagerOpsError):
    """Something the command needs is missing or not yet true (a privilege, a setting, an earlier phase)."""


class ConnectionFailed(VoyagerOpsError):
    """A database cannot be reached or refuses us; retrying may help."""

    retryable = True


class RetryableError(VoyagerOpsError):
    """A passing fault (lost connection, serialization failure, lock timeout): the same command resumes where it was."""

    retryable = True


class ValueRefused(VoyagerOpsError):
    """A value of the source cannot be brought into the target's type without losing something of it. ``reason`` says why."""

    def __init__(self, what: str, *, reason: str = "", state: str = "", next_step: str = "") -> None:
        self.reason = reason
        super().__init__(f"{what}: {reason}" if reason else what, state=state, next_step=next_step)


class SchemaError(VoyagerOpsError):
    """Schema export, analysis or import failed on named statements."""


class StreamLost(VoyagerOpsError):
    """The source no longer holds changes that were not captured (slot lost or invalidated): the lane cannot continue."""


class SourceChanged(VoyagerOpsError):
    """The structure of a captured table changed while changes were streaming (DDL); nothing after it was captured."""


class DiskFull(VoyagerOpsError):
    """The export directory has no room for another segment. Nothing is lost: the source keeps what was not published."""

    retryable = True


class ChangeLogDamaged(VoyagerOpsError):
    """A segment is missing, truncated or fails its checksum."""


class ApplyError(VoyagerOpsError):
    """A change could not be applied, or met other rows than it must; the transaction was rolled back."""


class Fenced(VoyagerOpsError):
    """Another process holds the role this one wanted or had; this one stopped without writing anything further."""


class CutoverError(VoyagerOpsError):
    """A cutover step failed; the message says whether it was undone or must be resumed."""


class CutoverVoid(CutoverError):
    """The cutover was called off before the point of no return (a writer was seen, the deadline passed, evidence stale)."""


class VerificationFailed(VoyagerOpsError):
    """Rows differ between the two databases; the report names them."""
