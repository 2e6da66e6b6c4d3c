"""Time and memory of this project's work, beside those of the tools a user would use instead."""
