"""A fleet to test against: an in-memory server that answers as a fleet daemon does. A test tool, and no fleet.

    texts       option lists as unit texts, their hashes, and what a daemon refuses
    jobs        what [X-Fleet] asks for
    machines    what an agent drives: a small model of systemd (real ones: nodes)
    cluster     units, the engine that places them, agents, and what they report, on a clock that can be moved by hand
    server      HTTP over a unix socket or TCP; faults that a test can switch on
    ssh         stands in for `ssh`, so that logs of machines can be read as `fleetctl journal` reads them

No fleet can be had any more: what it does is known by recorded exchanges, and test_recorded.py replays all of them here.
"""
