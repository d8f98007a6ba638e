"""The vault: found by keyed hashes, sealed per person, gone when the key is gone (PSE-1 to PSE-4, ERA-1)."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from governance.errors import AlreadyHeld, IdentityInvalid, NotHeld, SealBroken
from governance.keys import KeyRole
from governance.vault import Identity, Vault, evidence_key, sealed_identity
from governance.vocabulary import Unit
from tests.governance.rooms import a_key_ring, a_pseudonym, a_vault, an_identity, only_epochs

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CANARY = "Kanarienvogel-Xylophon"


@pytest.fixture
def vault(database_url: str) -> Iterator[Vault]:
    """An empty vault, once on SQLite and once on PostgreSQL."""
    made = a_vault(database_url)
    yield made
    made.database.close()


def held(vault: Vault, *identities: Identity) -> list[bytes]:
    """Store these people; their pseudonyms."""
    pseudonyms = [a_pseudonym() for _ in identities]
    vault.store(list(zip(pseudonyms, identities, strict=True)))
    return pseudonyms


def test_whoever_is_stored_is_found_and_revealed(vault: Vault) -> None:
    """In the order asked, each as given; strangers are None."""
    people = [an_identity(f"K{number}", family_name=f"Groß{number}") for number in range(5)]
    pseudonyms = held(vault, *people)

    assert vault.find(Unit.CONTACT, ["K4", "nobody", "K0", "K4"]) == [pseudonyms[4], None, pseudonyms[0], pseudonyms[4]]
    assert vault.reveal([pseudonyms[3], a_pseudonym(), pseudonyms[1]]) == [people[3], None, people[1]]
    assert vault.held([pseudonyms[0], a_pseudonym()]) == [True, False]


def test_a_contact_and_an_account_may_share_a_reference(vault: Vault) -> None:
    """The unit is part of what is hashed."""
    contact, account = held(vault, an_identity("1000"), an_identity("1000", Unit.ACCOUNT, company_name="Beispiel e.K."))

    assert vault.find(Unit.CONTACT, ["1000"]) == [contact]
    assert vault.find(Unit.ACCOUNT, ["1000"]) == [account]


def test_a_reference_is_found_in_every_spelling(vault: Vault) -> None:
    """Trimmed and NFC; capital letters count (PSE-5)."""
    [pseudonym] = held(vault, an_identity("Kd-Ä7"))

    assert vault.find(Unit.CONTACT, [" Kd-Ä7\t", unicodedata.normalize("NFD", "Kd-Ä7")]) == [pseudonym] * 2
    assert vault.find(Unit.CONTACT, ["kd-ä7"]) == [None]


def test_everybody_at_an_address_is_found_in_any_spelling_of_it(vault: Vault) -> None:
    """A shared mailbox has several holders; a garbled address has none."""
    first, second, other = held(
        vault,
        an_identity("K1", email="Info@Bücher.example", phone="030/23125001"),
        an_identity("K2", email="info@xn--bcher-kva.example", phone="+49 (0)30 23125002"),
        an_identity("K3", email="kein Eintrag", phone=""),
    )

    assert vault.holders_of("email", ["INFO@bücher.example", "kein Eintrag", "x@example.org"]) == [
        sorted([first, second]),
        [],
        [],
    ]
    assert vault.holders_of("phone", ["0049 30 23125002", ""]) == [[second], []]
    assert vault.find(Unit.CONTACT, ["K3"]) == [other]


def test_what_is_held_is_never_stored_twice(vault: Vault) -> None:
    """Neither the pseudonym nor the reference; and nothing of the batch stays."""
    [pseudonym] = held(vault, an_identity("K1"))
    newcomer = a_pseudonym()

    with pytest.raises(AlreadyHeld):
        vault.store([(newcomer, an_identity("K2")), (pseudonym, an_identity("K3"))])
    with pytest.raises(AlreadyHeld):
        vault.store([(newcomer, an_identity("K2")), (a_pseudonym(), an_identity("K1"))])

    assert vault.find(Unit.CONTACT, ["K1", "K2", "K3"]) == [pseudonym, None, None]


def test_an_update_changes_everything_at_once(vault: Vault) -> None:
    """New name, new address, new reference; the old ones find nobody."""
    first, second = held(vault, an_identity("K1"), an_identity("K2", email="b@example.org"))
    moved = an_identity("K9", family_name="Neu", email="neu@example.org")

    vault.update([(first, moved)])

    assert vault.reveal([first, second]) == [moved, an_identity("K2", email="b@example.org")]
    assert vault.find(Unit.CONTACT, ["K1", "K9", "K2"]) == [None, first, second]
    assert vault.holders_of("email", ["aenne.gross@example.org", "neu@example.org"]) == [[], [first]]


def test_an_update_of_strangers_is_refused(vault: Vault) -> None:
    """Nobody comes into being by an update, nobody takes another's reference, and the batch changes nothing."""
    first, _ = held(vault, an_identity("K1"), an_identity("K2"))

    with pytest.raises(NotHeld):
        vault.update([(first, an_identity("K9")), (a_pseudonym(), an_identity("K8"))])
    with pytest.raises(AlreadyHeld):
        vault.update([(first, an_identity("K2"))])

    assert vault.reveal([first]) == [an_identity("K1")]


def test_changes_are_seen_without_unsealing(vault: Vault) -> None:
    """The same person in another Unicode spelling has not changed; a stranger has."""
    [pseudonym] = held(vault, an_identity("K1"))
    decomposed = an_identity(" K1 ", given_name=unicodedata.normalize("NFD", "Änne"))

    pairs = [
        (pseudonym, an_identity("K1")),
        (pseudonym, decomposed),
        (pseudonym, an_identity("K1", city="Köln")),
        (pseudonym, an_identity("K2")),
        (a_pseudonym(), an_identity("K1")),
    ]

    assert vault.changed(pairs) == [False, False, True, True, True]


@pytest.mark.parametrize(
    "identity",
    [
        Identity(Unit.CONTACT, "K1", {"birthday": "1970-01-01"}),
        Identity(Unit.CONTACT, "  ", {}),
        Identity(Unit.CONTACT, "K1", {"city": "Ber\x00lin"}),
        Identity(Unit.CONTACT, "K1", {"city": "\ud800"}),
    ],
)
def test_what_the_vault_does_not_keep_is_refused(vault: Vault, identity: Identity) -> None:
    """Allow-list of details (PRI-3); no message shows a value."""
    with pytest.raises(IdentityInvalid) as refusal:
        vault.store([(a_pseudonym(), identity)])

    assert not any(value in str(refusal.value) for value in ("K1", "1970", "lin"))


def test_a_pseudonym_has_sixteen_bytes(vault: Vault) -> None:
    """Shorter ones could collide."""
    with pytest.raises(IdentityInvalid, match="16"):
        vault.store([(b"\x01" * 15, an_identity())])


def test_nothing_of_an_identity_is_shown_when_printed() -> None:
    """A traceback or log line is no leak (T10)."""
    shown = repr(an_identity("K1", family_name=CANARY))

    assert CANARY not in shown
    assert "K1" not in shown


def test_a_sealed_row_opens_in_its_own_place_only(vault: Vault) -> None:
    """The pseudonym is authenticated with the key and with the identity."""
    first, second = held(vault, an_identity("K1"), an_identity("K2"))
    row = sealed_identity.c
    with vault.database.writing() as connection:
        other = connection.execute(select(row.wrapped_key, row.sealed).where(row.pseudonym == second)).one()
        moved = {"wrapped_key": other.wrapped_key, "sealed": other.sealed}
        connection.execute(update(sealed_identity).where(row.pseudonym == first).values(**moved))

    with pytest.raises(SealBroken):
        vault.reveal([first])
    [finding] = vault.check()
    assert finding.startswith("sealed_identity, among the newest 100: a sealed value does not open")


@pytest.mark.parametrize("column", ["wrapped_key", "sealed"])
def test_any_flipped_byte_is_noticed(vault: Vault, column: str) -> None:
    """AES-GCM authenticates nonce, ciphertext and tag."""
    [pseudonym] = held(vault, an_identity("K1"))
    with vault.database.reading() as connection:
        good = bytes(connection.execute(select(sealed_identity.c[column])).scalar_one())

    for position in (0, 12, len(good) // 2, len(good) - 1):
        bad = bytearray(good)
        bad[position] ^= 1
        with vault.database.writing() as connection:
            connection.execute(update(sealed_identity).values({column: bytes(bad)}))
        with pytest.raises(SealBroken):
            vault.reveal([pseudonym])


def test_without_the_key_a_dictionary_of_addresses_finds_nobody(vault: Vault) -> None:
    """PSE-2: plain, salted or wrongly keyed hashes of every candidate miss every stored hash."""
    addresses = [f"person{number}@example.org" for number in range(300)]
    held(vault, *(an_identity(f"K{number}", email=address) for number, address in enumerate(addresses)))
    columns = (sealed_identity.c.email_hash, sealed_identity.c.reference_hash, sealed_identity.c.fingerprint)
    with vault.database.reading() as connection:
        stored = {bytes(value) for row in connection.execute(select(*columns)) for value in row}
        pseudonyms = list(connection.execute(select(sealed_identity.c.pseudonym)).scalars())

    guesses = set()
    for number, address in enumerate(addresses):
        for text in (address.encode(), f"K{number}".encode()):
            for salt in (b"", b"\x00" * 32, b"lauter", *pseudonyms[:3]):
                digests = (hashlib.sha256(salt + text), hashlib.md5(text), hmac.new(salt, text, hashlib.sha256))
                guesses.update(digest.digest()[:16] for digest in digests)

    assert len(stored) == 900
    assert not stored & guesses


def test_two_houses_hash_the_same_person_differently(tmp_path: Path) -> None:
    """PSE-2 and PSE-3: no join across controllers."""
    hashes = []
    for name in ("one", "two"):
        house = a_vault(f"sqlite:///{tmp_path / name}.db")
        held(house, an_identity("K1"))
        with house.database.reading() as connection:
            row = connection.execute(select(sealed_identity)).mappings().one()
        hashes.append({bytes(row[column]) for column in row if column.endswith("_hash") or column == "fingerprint"})
        house.database.close()

    assert len(hashes[0] | hashes[1]) == 8


def test_people_are_found_under_every_live_look_up_key(database_url: str) -> None:
    """PSE-4: rotation orphans nobody; whoever is sealed anew moves to the new epoch."""
    ring = a_key_ring(2)
    before = a_vault(database_url, only_epochs(ring, KeyRole.LOOKUP, [1]))
    [pseudonym] = held(before, an_identity("K1"))
    after = Vault(before.database, ring)

    assert after.find(Unit.CONTACT, ["K1"]) == [pseudonym]
    assert after.holders_of("email", ["aenne.gross@example.org"]) == [[pseudonym]]
    assert after.changed([(pseudonym, an_identity("K1"))]) == [False]

    after.update([(pseudonym, an_identity("K1"))])
    later = Vault(before.database, only_epochs(ring, KeyRole.LOOKUP, [2]))
    assert later.find(Unit.CONTACT, ["K1"]) == [pseudonym]
    assert later.check() == []
    before.database.close()


def test_whose_wrap_key_was_destroyed_reads_as_erased(database_url: str) -> None:
    """Readers treat "no key" as erased, and `doctor` says that a key is missing."""
    ring = a_key_ring(2)
    before = a_vault(database_url, only_epochs(ring, KeyRole.WRAP, [1]))
    [pseudonym] = held(before, an_identity("K1"))
    [sealed] = before.seal_evidence([(pseudonym, b"form")])

    after = Vault(before.database, only_epochs(ring, KeyRole.WRAP, [2]))

    assert after.reveal([pseudonym]) == [None]
    assert after.open_evidence([(pseudonym, sealed)]) == [None]
    assert after.check() == [
        "sealed_identity.wrap_epoch 1: key missing",
        "evidence_key.wrap_epoch 1: key missing",
    ]
    before.database.close()


def test_evidence_opens_for_its_own_person_only(vault: Vault) -> None:
    """One key per person, made once; the pseudonym is authenticated."""
    first, second = held(vault, an_identity("K1"), an_identity("K2"))
    sealed = vault.seal_evidence([(first, b"form 1"), (second, b"form 2"), (first, b"form 3")])
    sealed += vault.seal_evidence([(first, b"form 4")])

    assert vault.open_evidence(list(zip([first, second, first, first], sealed, strict=True))) == [
        b"form 1",
        b"form 2",
        b"form 3",
        b"form 4",
    ]
    assert vault.open_evidence([(a_pseudonym(), sealed[0])]) == [None]
    with pytest.raises(SealBroken):
        vault.open_evidence([(second, sealed[0])])
    with vault.database.reading() as connection:
        assert len(connection.execute(select(evidence_key.c.pseudonym)).all()) == 2


def test_evidence_of_strangers_is_not_sealed(vault: Vault) -> None:
    """No key for whoever is not held: nobody could erase it."""
    with pytest.raises(NotHeld):
        vault.seal_evidence([(a_pseudonym(), b"form")])


def test_erasure_takes_the_person_at_once_and_the_evidence_when_it_is_due(vault: Vault) -> None:
    """Article 17(3)(e) GDPR: identity goes now, evidence opens until its retention ends."""
    gone, stays = held(vault, an_identity("K1"), an_identity("K2"))
    evidence = list(zip([gone, stays], vault.seal_evidence([(gone, b"a"), (stays, b"b")]), strict=True))
    until = NOON + timedelta(days=3 * 365)

    vault.erase([gone], retain_evidence_until=until)

    assert vault.reveal([gone, stays]) == [None, an_identity("K2")]
    assert vault.find(Unit.CONTACT, ["K1", "K2"]) == [None, stays]
    assert vault.holders_of("email", ["aenne.gross@example.org"]) == [[stays]]
    assert vault.open_evidence(evidence) == [b"a", b"b"]
    assert vault.destroy_due_evidence(now=until - timedelta(microseconds=1)) == 0
    assert vault.destroy_due_evidence(now=until) == 1
    assert vault.open_evidence(evidence) == [None, b"b"]


def test_erasing_again_changes_nothing(vault: Vault) -> None:
    """Idempotent steps: a killed erasure is simply done once more, and the first retention holds."""
    [gone] = held(vault, an_identity("K1"))
    vault.seal_evidence([(gone, b"a")])

    for days in (10, 20):
        vault.erase([gone, a_pseudonym()], retain_evidence_until=NOON + timedelta(days=days))

    assert vault.destroy_due_evidence(now=NOON + timedelta(days=10)) == 1


def test_erasure_without_retention_destroys_the_evidence_too(vault: Vault) -> None:
    """Nothing is kept without a reason."""
    [gone] = held(vault, an_identity("K1"))
    [sealed] = vault.seal_evidence([(gone, b"a")])

    vault.erase([gone], retain_evidence_until=None)

    assert vault.open_evidence([(gone, sealed)]) == [None]


def test_an_erased_reference_that_comes_back_is_somebody_new(vault: Vault) -> None:
    """Design 4: the link to the old pseudonym is cut."""
    [gone] = held(vault, an_identity("K1"))
    vault.erase([gone], retain_evidence_until=None)

    [newcomer] = held(vault, an_identity("K1"))

    assert newcomer != gone
    assert vault.find(Unit.CONTACT, ["K1"]) == [newcomer]
    assert vault.reveal([gone]) == [None]


def test_the_files_hold_no_name_before_and_no_key_after_erasure(tmp_path: Path) -> None:
    """T2: neither the plain name ever, nor the sealed bytes or the wrapped key once erased and flushed."""
    vault = a_vault(f"sqlite:///{tmp_path / 'vault.db'}")
    people = [
        an_identity(f"K{number}", family_name=CANARY, email=f"{CANARY}{number}@example.org") for number in range(50)
    ]
    pseudonyms = held(vault, *people)
    columns = (sealed_identity.c.wrapped_key, sealed_identity.c.sealed, sealed_identity.c.email_hash)
    with vault.database.reading() as connection:
        row = connection.execute(select(*columns).where(sealed_identity.c.pseudonym == pseudonyms[20])).one()

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert all(bytes(value) in on_disk() for value in row)

    vault.erase([pseudonyms[20]], retain_evidence_until=None)
    assert vault.flush()

    after = on_disk()
    assert not any(bytes(value) in after for value in row)
    assert CANARY.encode() not in after
    assert CANARY.casefold().encode() not in after.lower()
    vault.database.close()


def test_a_reader_holds_the_flush_back(tmp_path: Path) -> None:
    """The caller is told to try again instead of believing that the bytes are gone (C5)."""
    vault = a_vault(f"sqlite:///{tmp_path / 'vault.db'}")
    [pseudonym] = held(vault, an_identity("K1"))
    with vault.database.reading() as connection:
        connection.execute(select(sealed_identity.c.id)).all()
        vault.erase([pseudonym], retain_evidence_until=None)

        with vault.database.engine.connect() as other:
            other.connection.cursor().execute("PRAGMA busy_timeout=0")
        assert vault.flush() is False

    assert vault.flush() is True
    vault.database.close()


def test_an_empty_request_is_answered_empty(vault: Vault) -> None:
    """No statement without keys."""
    assert vault.find(Unit.CONTACT, []) == []
    assert vault.reveal([]) == []
    assert vault.seal_evidence([]) == []
    vault.store([])
    vault.erase([], retain_evidence_until=None)


def test_a_large_batch_is_found_whole(vault: Vault) -> None:
    """More keys than one statement takes."""
    people = [an_identity(f"K{number}", email=f"p{number}@example.org") for number in range(2_500)]
    pseudonyms = held(vault, *people)

    assert vault.find(Unit.CONTACT, [one.reference for one in people]) == pseudonyms
    assert vault.reveal(pseudonyms) == people
    vault.erase(pseudonyms, retain_evidence_until=None)
    assert vault.held(pseudonyms) == [False] * len(people)
