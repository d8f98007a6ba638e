"""The staff's pages, one file per area: view models first, then routes of three lines.

Every page is for the roles that `api.access` names, works without JavaScript, and changes nothing on GET but the log.
"""
