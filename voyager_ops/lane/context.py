"""What a lane is given: two databases and a change log. It knows neither which is Oracle nor which way it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voyager_ops.config import ChangesConfig
from voyager_ops.databases.base import Database
from voyager_ops.databases.postgres.database import PostgresDatabase
from voyager_ops.model.positions import Lane
from voyager_ops.model.tables import NameMap, QName, Table
from voyager_ops.state.store import State


@dataclass(frozen=True)
class LaneContext:
    """``tables`` are named as on the capture side; ``names`` maps source names to target names whichever way the lane runs."""

    migration: str
    lane: Lane
    capture_db: Database
    apply_db: PostgresDatabase
    tables: tuple[Table, ...]
    names: NameMap
    state: State
    data_dir: Path
    changes: ChangesConfig

    def to_apply(self, name: QName) -> QName:
        """The name on the apply side of a relation named as on the capture side."""
        return self.names.to_target(name) if self.lane is Lane.FORWARD else self.names.to_source(name)

    def source_name(self, name: QName) -> QName:
        """The source's name of a relation named as on the capture side (counters and reports use it)."""
        return name if self.lane is Lane.FORWARD else self.names.to_source(name)
