"""The command line: the only room that prints, asks and exits.

main finds the verb and handles errors; parser holds the table of verbs; commands/ has one file a verb; pipeline
strings the stages together for them; ui writes reports, logs and progress.
"""
