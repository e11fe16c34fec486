OWNED = ()  # versions 1.0.7 to 1.1.0 read this name when they update to a newer one
