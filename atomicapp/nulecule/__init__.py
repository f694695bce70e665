"""The format: validate one file (schema), load it (load), build the tree of apps (resolve)."""
