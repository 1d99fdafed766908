"""Trainers, found by name."""
