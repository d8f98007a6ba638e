"""The law as types and rules, the keys, and the people behind the pseudonyms.

This package promises that nothing is processed without a declared purpose and a legal basis, that no field reaches a
purpose it was not declared for, that what no field names is dropped at the door, and that nobody outside the vault can
tell who a pseudonym is. Its rules are pure: facts and the time are arguments, every negative answer has a reason.

`vocabulary`, `purposes`, `fields`, `catalogue`, `deadlines` and `contact_points` may be imported by every package
above. `vault`, `keys`, `protected`, `blocklist` and `intake` are imported by their module path, by `api` alone, which
passes their powers down in batches.
"""
