"""Unused: projects of versions 1.0.7 to 1.1.0 look for this name while they update to a newer one."""

OWNED = ()
