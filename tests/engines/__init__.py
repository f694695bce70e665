"""Real engines for the tests: started when absent, stopped by pid, and cleaned up after."""
