"""Processes that start as forks of one process, which has imported the large libraries."""
