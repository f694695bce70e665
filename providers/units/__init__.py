"""What the fleet and the systemd provider share: unit files. A room and no provider: it is in no table, and talks to no engine.

syntax   the text of a unit file <-> Unit: its options, each with its section and its place
names    names of units: their rules, templates and instances, specifiers, escapes
"""
