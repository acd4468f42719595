"""What YugabyteDB does not take, or takes badly: one small module per family, each a list of checks over parsed statements."""

from __future__ import annotations

from voyager_ops.schema.rules import datatypes, extensions, indexes, performance, programs, queries, tables
from voyager_ops.schema.rules.base import Check

ALL_CHECKS: tuple[Check, ...] = (
    *tables.CHECKS,
    *datatypes.CHECKS,
    *indexes.CHECKS,
    *programs.CHECKS,
    *extensions.CHECKS,
    *queries.CHECKS,
    *performance.CHECKS,
)
