"""Live database migration with fall-back, run by Apache Airflow."""

__version__ = "0.1.0"
