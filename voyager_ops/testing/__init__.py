"""The testing kit: embedded PostgreSQL clusters, a sample schema, a workload. For users' tests too."""
