"""Readings: what the operators mean to a solver, to Python, to a person."""
