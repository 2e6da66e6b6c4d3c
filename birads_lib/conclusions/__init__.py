"""Answers of the chapters, in words chosen by their numbers."""
