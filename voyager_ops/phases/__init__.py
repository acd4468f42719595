"""The workflow: one module per phase, each ``run(migration, …) -> PhaseResult``.

The faces (CLI, operators) call these and add nothing of their own. Every result is also recorded in the state document
``phase/<name>``.
"""
