"""Unused here: programs of versions 1.0.7 to 1.1.0 look for this name while they update the project."""

OWNED = ()
