"""Run each peer the way its own documentation does, offline, behind small typed functions."""
