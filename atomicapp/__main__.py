"""`python -m atomicapp`."""

from atomicapp.cli.start import entry

entry()
