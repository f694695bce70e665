"""What the reader of Compose files and all writers are tried with: real files, and a pair of texts for each key."""
