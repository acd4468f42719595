"""Capture by triggers, for databases that give no rights to LogMiner."""
