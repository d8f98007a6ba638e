"""The JSON API, one file per area: parse, ask a workflow, answer.

Bearer tokens with scopes; personal data only in bodies, never in an address; every error a problem document.
"""
