"""A simulated Oracle: the real driver connects to it over TCP, and it runs on an embedded PostgreSQL.

``server`` and its neighbours speak the protocol, an ``Engine`` (see ``engine``) executes. What it proves and what it
does not is written down in docs/oracle-simulator.md.
"""
