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

    def to_json(self) -> dict[str, str]:
        return asdict(self)
