"""One driver for all providers: the same life of an app, told to each engine by a Case."""
