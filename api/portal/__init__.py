"""The customer's own face: links instead of accounts, plain choices, and what became of them.

Every page works without a script and without an account; looking changes nothing; nobody learns here whether an
address is known. Pages for visitors who came in stand behind `visits.guest`, all others behind `visits.anyone`.
"""
