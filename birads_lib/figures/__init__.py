"""Charts, a module per chapter: each takes numbers and returns a ``Figure``, never shown."""
