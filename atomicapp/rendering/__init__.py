"""Artifacts with their params filled in, in memory: where they come from (sources), `$name` (substitute),
JSON pointers (pointers), and all of it for an app (render)."""
