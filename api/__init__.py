"""The faces and the wiring: web pages, JSON API and command line, and the only package that sees all the others.

It promises that a rule of law is never decided here: a route parses, asks a workflow and answers; a workflow passes the
power to name a person down in batches and commits one transaction where one database is touched. What a refusal looks
like to the outside stands in one table (`api.problems`), and no answer ever repeats what was sent.

Entry points: `api.app.create_app` (web), `api.cli.main` (command `lauter`), `api.wiring.open_house` (everything put
together from a home folder).
"""
