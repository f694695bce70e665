"""One module a verb, each with `arguments(parser)`, `run(options, ui)` and EXAMPLES for its help text."""
