"""How long fleet takes, in seconds: agents act on a tick of 5 s, the engine on one of 2 s, states come once a second."""

PLACED = 10.0
"""A unit that is not placed by then has no machine, or has to wait for one."""
REPORTED = 15.0
"""A unit that is placed and of which nothing is reported by then: its agent is stuck, or its machine has just died."""
ENDED = 10.0
"""A unit that is launched and not active for so long has ended, or was never started."""
DONE = 2.0
"""A oneshot unit that is inactive for so long has done its work."""
STEADY = 2.0
"""A service counts as active when it was so for that long: systemd says so as soon as the process is there."""
FRESH = 3.0
"""A unit that was started again and has failed for so long has failed anew: states come a second late."""
AGAIN = 12.0
"""A unit that is waiting for its next start for so long, looked at again and again, does not come up."""
STOPPED = 150.0
"""A unit that is not stopped by then won't be: systemd itself kills it after 90 s."""
CHANGED = 120.0
"""What an instance may take to be ready before the next one of its template is changed."""
PURGED = 60.0
"""What the removal of a volume may take."""
LOOK = 0.5
"""A listing is fresh for that long."""
