"""Generators of logs with known faults, for demonstrations and load tests."""
