"""The steps of a cutover, in their order. Both directions and the dry run take the very same."""

from __future__ import annotations

from voyager_ops.cutover.steps.base import Step
from voyager_ops.cutover.steps.confirm import Confirm
from voyager_ops.cutover.steps.end import CloseOldLane, EndOldLane
from voyager_ops.cutover.steps.evidence import EvidenceStands
from voyager_ops.cutover.steps.guards import Guards
from voyager_ops.cutover.steps.intent import Intent, Open
from voyager_ops.cutover.steps.lag import LagGate
from voyager_ops.cutover.steps.marker import Marker
from voyager_ops.cutover.steps.preflight import Preflight
from voyager_ops.cutover.steps.quiesce import Quiesce, WaitOut
from voyager_ops.cutover.steps.sequences import Sequences
from voyager_ops.cutover.steps.verify import VerifyAhead, VerifyChanges

STEPS: tuple[Step, ...] = (
    Preflight(),
    EvidenceStands(),
    LagGate(),
    VerifyAhead(),
    Quiesce(),
    WaitOut(),
    Marker(),
    VerifyChanges(),
    Sequences(),
    Guards(),
    Confirm(),
    Intent(),
    CloseOldLane(),
    Open(),
    EndOldLane(),
)
