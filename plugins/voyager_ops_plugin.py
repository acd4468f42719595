"""For an Airflow that reads this checkout's ``plugins/`` folder without the package's entry points."""

from voyager_ops.dashboard.plugin import VoyagerOpsPlugin

__all__ = ["VoyagerOpsPlugin"]
