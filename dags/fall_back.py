"""The way back: keeps the source in step with the target after the cutover, as long as people want, and asks which way to go.

Started by ``live_migration`` before its cutover; its streams idle until the target is open.
"""

from __future__ import annotations

from airflow.sdk import DAG

from voyager_ops.operators.approvals import ChooseFallBackOperator
from voyager_ops.operators.cutover import CutoverOperator
from voyager_ops.operators.defaults import LONG_RUNS, default_args, migration_param, text
from voyager_ops.operators.phases import EndFallBackOperator, PrepareCaptureOperator, VerifyOperator
from voyager_ops.operators.runs import BeginOperator
from voyager_ops.operators.streams import ExportDataOperator, ImportDataOperator
from voyager_ops.sensors.migration import TargetOpenSensor

with DAG(
    "fall_back",
    description="Streams target to source after the cutover: cut over to the source, or end the fall-back",
    doc_md=__doc__,
    default_args=default_args(),
    params={
        "migration": migration_param(),
        "live_run": text(
            "Run of live_migration", "Filled in by `live_migration`; if its cutover is rejected, this run ends too."
        ),
    },
    **LONG_RUNS,
):
    begin = BeginOperator(task_id="begin")
    start_capture = PrepareCaptureOperator(task_id="start_capture", lane="fallback")
    export_stream = ExportDataOperator(task_id="export_data_from_target", lane="fallback", priority_weight=100)
    import_stream = ImportDataOperator(task_id="import_data_to_source", lane="fallback", priority_weight=100)

    target_open = TargetOpenSensor(task_id="wait_for_cutover_to_target", lane="fallback")
    decide = ChooseFallBackOperator(task_id="decide", cut_over_task_id="cutover_to_source", end_task_id="end_fall_back")
    cutover = CutoverOperator(
        task_id="cutover_to_source", direction="source", approval_task_id="decide", approval=ChooseFallBackOperator.CUT_OVER
    )
    verify_after = VerifyOperator(task_id="verify_after_cutover", after_cutover=True)
    end_fall_back = EndFallBackOperator(task_id="end_fall_back", approval_task_id="decide", approval=ChooseFallBackOperator.END)

    begin >> start_capture >> [export_stream, import_stream, target_open]
    target_open >> decide >> [cutover, end_fall_back]
    cutover >> verify_after
