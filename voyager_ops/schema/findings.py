"""What the export has to tell its user: things left out, or that need a look."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One remark. ``code`` is stable; ``object_name`` is schema.name; ``message`` says what was done and what follows from it."""

    code: str
    object_type: str
    object_name: str
    message: str

    @property
    def left_out(self) -> bool:
        """Whether something of the source will be missing on the target unless somebody makes it by hand.

        What hangs on tables that the user excludes does not count: that was wanted.
        """
        return self.code in _MISSING or (self.code.endswith("_LEFT_OUT") and self.code != "DEPENDENT_LEFT_OUT")

    def to_json(self) -> dict[str, str]:
        return asdict(self)


_MISSING = frozenset({"PLSQL", "VIRTUAL_COLUMN", "TEMPORARY_TABLE", "DOES_NOT_PARSE"})
