"""Findings to a plain dict first, then to text and JSON. Log lines are hostile: escaped here."""
