"""`python -m atomicapp`."""

from atomicapp.cli.main import entry

entry()
