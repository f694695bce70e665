"""Params: answers files (answers, ini), one value for each param and where it came from (configure), secrets."""
