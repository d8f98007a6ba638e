"""One file per use case that crosses packages; called by routes, commands and jobs alike.

No HTTP, no SQL, no command line in here: a workflow gathers, asks the rooms to decide, and applies, in one transaction
wherever one database is touched, and in the order of the protocol where two are.
"""
