"""A PostgreSQL schema on its way: export from the source, analysis for the target, import in stages."""
