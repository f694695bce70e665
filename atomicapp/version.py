"""The version of the program and the versions of the format that it reads."""

VERSION = "1.0.0.dev0"
SPEC_VERSION = "0.0.2"
