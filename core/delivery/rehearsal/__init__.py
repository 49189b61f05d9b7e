"""Rehearsals: the whole campaign goes through audience and rendering, and nobody gets anything."""
