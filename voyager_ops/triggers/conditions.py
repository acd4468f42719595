"""What can be waited for. Each condition reads the migration and says whether it holds, in words. No Airflow here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from voyager_ops.errors import ConfigError
from voyager_ops.migration import Migration
from voyager_ops.model.positions import Lane
from voyager_ops.phases import cutover, status
from voyager_ops.phases.base import EXPORT_ROLE, IMPORT_ROLE


@dataclass(frozen=True)
class Reading:
    """``holds``; ``words`` for the log; ``figures`` (JSON-able) for the XCom."""

    holds: bool
    words: str
    figures: dict[str, Any] = field(default_factory=dict)


class Condition(Protocol):
    """May keep earlier readings: one object is asked again and again."""

    def read(self, migration: Migration) -> Reading: ...


@dataclass
class SeamPassed:
    """Apply has passed every chunk's snapshot: the target shows whole transactions."""

    lane: Lane

    def read(self, migration: Migration) -> Reading:
        passed = status.seam_passed(migration, self.lane)
        lag = status.lag(migration, self.lane)
        words = "the seam is passed" if passed else f"not at the seam yet: {_lag(lag)}"
        return Reading(passed, words, {"seam_passed": passed, "lag": lag.to_json()})


@dataclass
class LaneAlive:
    """Both streams of the lane run."""

    lane: Lane

    def read(self, migration: Migration) -> Reading:
        export, apply = status.alive(migration, self.lane)
        roles = ((EXPORT_ROLE[self.lane], export), (IMPORT_ROLE[self.lane], apply))
        missing = [role for role, alive in roles if not alive]
        words = "both streams are alive" if not missing else f"not alive yet: {', '.join(missing)}"
        return Reading(not missing, words, dict(roles))


@dataclass
class CaughtUp:
    """The lag was at or below the gate in so many consecutive readings as the configuration wants; unknown is not ready."""

    lane: Lane
    readings: list[status.Lag] = field(default_factory=list)

    def read(self, migration: Migration) -> Reading:
        gate = migration.config.cutover
        self.readings = [*self.readings, status.lag(migration, self.lane)][-gate.lag_readings :]
        ready = status.caught_up(self.readings, gate)
        wanted = f"(gate: {gate.lag_events:,} events, {gate.lag_seconds:g} s, {gate.lag_readings} times)"
        last = self.readings[-1]
        return Reading(ready, f"{_lag(last)} {wanted}", {"lag": last.to_json(), "readings": len(self.readings)})


@dataclass
class TargetOpen:
    """The cutover to the target has been completed."""

    lane: Lane

    def read(self, migration: Migration) -> Reading:
        word = cutover.status(migration).cutover_to_target
        return Reading(word == "COMPLETED", f"cutover to target: {word}", {"cutover_to_target": word})


CONDITIONS: Mapping[str, Callable[[Lane], Condition]] = {
    "seam_passed": SeamPassed,
    "lane_alive": LaneAlive,
    "caught_up": CaughtUp,
    "target_open": TargetOpen,
}


def condition(name: str, lane: str) -> Condition:
    """A fresh condition by name. Raises ConfigError for a name that is none."""
    if name not in CONDITIONS:
        raise ConfigError(f"there is no condition {name!r}", next_step=f"one of {', '.join(CONDITIONS)}")
    return CONDITIONS[name](Lane(lane))


def _lag(lag: status.Lag) -> str:
    if lag.events is None or lag.seconds is None:
        return "lag unknown"
    return f"{lag.events:,} events, {lag.seconds:.1f} s behind"
