"""From what is wanted and what is there to steps (diff), in order (order), carried out (apply), until ready (wait).

None of it knows an engine: providers say what exists and carry out single steps.
"""
