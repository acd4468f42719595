"""A page in Airflow's UI: every migration, where it stands, how far it is behind. Reads their own records, writes nothing."""
