"""The log for those who trust nobody: tiles, witnesses, a monitor from outside, a changed key (LOG-3, LOG-10)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from api.access import Right, may
from api.http_out import Outward
from api.wiring import open_house
from api.workflows import log as logs
from api.workflows import log_keys, monitoring, witnesses
from api.workflows.log import prove_assignment, sign_checkpoint, verify_file, verify_home
from audit.errors import BadInput, Broken, NotFound
from audit.note import LogVerifier
from audit.policy import parse_policy
from audit.tiles import bundles_of, split_bundle, tiles_of
from audit.tree_head import open_checkpoint
from audit.witness import Witness, open_witness
from audit.witness_server import serve_witness
from governance.staff import Scope
from governance.vocabulary import OPERATOR, Role
from tests.api.web import Served, serve
from tests.small_world import NOON

HOUR = timedelta(hours=1)
LOCAL = Outward(allowed=frozenset({"127.0.0.1"}))


def test_checkpoint_and_hash_tiles_are_public_and_last_for_ever(served: Served) -> None:
    """No token and no cookie; the whole tree follows from what anybody may read (C2SP tlog-tiles)."""
    sign_checkpoint(served.house, now=served.now)
    browser = served.browser()
    answer = browser.get("/log/checkpoint")
    head = open_checkpoint(answer.text, [served.house.signer.verifier]).checkpoint

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    for tile in tiles_of(head.size):
        found = browser.get(f"/log/{tile}")
        assert (found.status_code, len(found.content)) == (200, 32 * tile.width)
        assert found.headers["content-type"] == "application/octet-stream"
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path", ["tile/0/999", "tile/0/0", "tile/64/000", "tile/0/000.p/256", "tile/0/x000/000", "tile/"]
)
def test_what_is_no_tile_of_the_log_is_not_found(served: Served, path: str) -> None:
    """Misspelt or beyond the signed tree: one answer, and nothing of it is kept in a cache."""
    answer = served.browser().get(f"/log/{path}")

    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_entries_want_a_token_of_whoever_may_read_the_log(served: Served) -> None:
    """Officer and auditor by scope and role; everybody else reads hashes (design 7)."""
    sign_checkpoint(served.house, now=served.now)
    note = logs.newest_checkpoint(served.house).note
    size = open_checkpoint(note, [served.house.signer.verifier]).checkpoint.size
    bundle = bundles_of(0, size)[-1]

    assert served.browser().get(f"/log/{bundle}").status_code == 401
    assert served.browser(Role.DPO).get(f"/log/{bundle}").status_code == 401, "a cookie opens nothing here"
    assert served.caller(Role.AUDITOR, Scope.READ).get(f"/log/{bundle}").status_code == 403
    for role in (Role.DPO, Role.MARKETING, Role.DESK, Role.STEWARD, Role.AUDITOR):
        answer = served.caller(role, Scope.AUDIT).get(f"/log/{bundle}")
        assert answer.status_code == (200 if may(role, Right.LOG) else 403)
        assert answer.headers["cache-control"] == "no-store"
        if answer.status_code == 200:
            assert len(split_bundle(answer.content, bundle.width)) == bundle.width


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A served house of one test alone."""
    made = serve(tmp_path / "house")
    yield made
    made.app.state.web.jobs.close()
    made.house.close()


@pytest.fixture
def witness(own: Served, tmp_path: Path) -> Iterator[tuple[Witness, str]]:
    """A witness of this house's log at an address of its own, named in the house's policy."""
    made = open_witness(tmp_path / "witness", "witness.example.test/w1", [own.house.signer.vkey])
    server = serve_witness(made, "127.0.0.1", 0, clock=lambda: own.now)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    text = f"log {own.house.signer.vkey}\nwitness w {made.cosigner.vkey} {url}\nquorum w\n"
    own.house.settings.log_policy_path.write_text(text)
    yield made, text
    server.shutdown()
    server.server_close()


def test_witnesses_are_asked_and_proofs_carry_what_they_say(own: Served, witness: tuple[Witness, str]) -> None:
    """Before: a proof says that nobody witnessed it, and the policy refuses it. After: served and proven (LOG-3)."""
    house, policy = own.house, witness[1].encode()
    alone = prove_assignment(house, "value", "K0001", actor=OPERATOR, now=own.now).data
    assert not verify_file(alone, (), policy=policy).ok
    assert "No witness signed it" in verify_file(alone, house.signer.vkey).summary

    sign_checkpoint(house, now=own.now)
    assert [asked.problem for asked in witnesses.cosign(house, now=own.now, outward=LOCAL).asked] == [None]
    proven = prove_assignment(house, "value", "K0001", actor=OPERATOR, now=own.now).data

    found = verify_file(proven, (), policy=policy)
    assert found.ok, found.findings
    assert found.proof is not None
    assert found.proof["quorum"] == "w"
    assert "Witnessed by witness.example.test/w1" in found.summary
    served_note = own.browser().get("/log/checkpoint").text
    known = [house.signer.verifier, LogVerifier(witness[0].cosigner.vkey)]
    assert len(open_checkpoint(served_note, known).note.verified) == 2


def test_each_growth_is_cosigned_once_and_a_quiet_log_once_a_day(own: Served, witness: tuple[Witness, str]) -> None:
    """The witness is asked from what it saw last, also when we forgot what that was."""
    house = own.house
    for hours in (0, 1, 2, 26):
        if hours == 1:
            prove_assignment(house, "value", "K0002", actor=OPERATOR, now=own.now)
        sign_checkpoint(house, now=own.now)
        own.now = NOON + HOUR * (hours + 1)
        assert witnesses.cosign(house, now=own.now, outward=LOCAL).ok
    with house.work.writing() as connection:
        lines = connection.exec_driver_sql("SELECT count(*) FROM log_cosignature").scalar_one()
        connection.exec_driver_sql("DELETE FROM log_cosignature")
    assert lines == 3
    assert witnesses.cosign(house, now=own.now, outward=LOCAL).ok


def test_a_witness_that_saw_another_history_is_told(own: Served, witness: tuple[Witness, str]) -> None:
    """The log was restored and went on differently: the witness does not follow, and says so."""
    sign_checkpoint(own.house, now=own.now)
    assert witnesses.cosign(own.house, now=own.now, outward=LOCAL).ok
    with witness[0].state.writing() as connection:
        connection.exec_driver_sql("UPDATE seen SET root = zeroblob(32)")
    later = own.now + 25 * HOUR

    assert [asked.problem for asked in witnesses.cosign(own.house, now=later, outward=LOCAL).asked] == [
        "witness_saw_another_history"
    ]
    with witness[0].state.writing() as connection:
        connection.exec_driver_sql("UPDATE seen SET size = 100000")
    assert [asked.problem for asked in witnesses.cosign(own.house, now=later, outward=LOCAL).asked] == [
        "witness_saw_more_than_there_is"
    ]


def test_a_witness_in_a_private_network_is_called_only_when_allowed(own: Served, witness: tuple[Witness, str]) -> None:
    """The guarded client of webhooks sends this, too."""
    sign_checkpoint(own.house, now=own.now)

    assert [asked.problem for asked in witnesses.cosign(own.house, now=own.now).asked] == ["not_https"]
    own.house.settings.log_policy_path.unlink()
    assert witnesses.cosign(own.house, now=own.now).asked == ()


def test_a_monitor_outside_reads_everything_and_sees_a_deleted_row(own: Served, tmp_path: Path) -> None:
    """By address and token: every root derived anew; after an alteration the alarm names it (LOG-11)."""
    sign_checkpoint(own.house, now=own.now)
    token = own.caller(Role.AUDITOR, Scope.AUDIT).headers["authorization"].removeprefix("Bearer ")
    policy = parse_policy(f"log {own.house.signer.vkey}\nquorum none\n".encode())
    server = uvicorn.Server(uvicorn.Config(own.app, port=0, log_level="critical", lifespan="off"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/log"

        def look(token: str | None) -> monitoring.Look:
            return monitoring.watch_address(
                url, policy, tmp_path / "seen", token=token, now=own.now, older_than=48 * HOUR
            )

        first = look(token)
        assert first.ok, first.alarms
        assert first.watched.entries == first.watched.leaves == first.watched.size
        assert look(None).watched.entries == 0
        with own.house.work.writing() as connection:
            connection.exec_driver_sql("UPDATE log_leaf SET body = x'00' WHERE idx = 1")
        assert [alarm.what for alarm in look(token).alarms] == ["entry 1 is not what its leaf hash was made from"]
    finally:
        server.should_exit = True
        thread.join(10)


def test_a_monitor_at_home_compares_each_decision_with_its_leaf(own: Served, tmp_path: Path) -> None:
    """An assignment that was changed behind the log's back is an alarm."""
    sign_checkpoint(own.house, now=own.now)

    def look() -> monitoring.Look:
        return monitoring.watch_house(own.house, None, tmp_path / "seen", now=own.now, older_than=48 * HOUR)

    assert look().alarms == ()
    with own.house.work.writing() as connection:
        connection.exec_driver_sql("UPDATE assignment SET effective = 1 - effective WHERE position = 7")
    assert {alarm.kind for alarm in look().alarms} == {"deep"}


def test_a_new_key_signs_beside_the_old_until_that_is_retired(own: Served) -> None:
    """Old proofs verify by the old key, new ones by either, later ones by the new; services go on (LOG-10)."""
    old = own.house.signer.vkey
    before = prove_assignment(own.house, "value", "K0001", actor=OPERATOR, now=own.now).data
    service = open_house(own.house.settings)
    new = log_keys.rotate(own.house, actor=OPERATOR, now=own.now).signing[0]
    both = open_house(own.house.settings)
    assert both.signer.vkeys == service.signer.vkeys == (new, old)
    sign_checkpoint(both, now=own.now)
    during = prove_assignment(both, "value", "K0001", actor=OPERATOR, now=own.now).data
    with pytest.raises(BadInput, match="newest"):
        log_keys.retire(both, 2, actor=OPERATOR, now=own.now)
    with pytest.raises(NotFound):
        log_keys.retire(both, 7, actor=OPERATOR, now=own.now)
    assert log_keys.retire(both, 1, actor=OPERATOR, now=own.now) == log_keys.LogKeys((new,), (old,))
    assert list(service.signer.vkeys) == [new]
    for house in (both, service):
        house.close()

    after_house = open_house(own.house.settings)
    sign_checkpoint(after_house, now=own.now)
    after = prove_assignment(after_house, "value", "K0001", actor=OPERATOR, now=own.now).data
    verdicts = [[verify_file(data, key).ok for key in (old, new)] for data in (before, during, after)]
    assert verdicts == [[True, False], [True, True], [False, True]]
    assert "ask the log's operator" in verify_file(after, old).findings[0]["what"]
    assert verify_home(after_house).ok
    assert own.house.settings.keys_folder.joinpath("log-2.key").stat().st_mode & 0o777 == 0o600
    assert not own.house.settings.keys_folder.joinpath("log-1.key").exists()
    assert log_keys.list_keys(after_house).retired == (old,)
    after_house.close()


def test_a_service_that_cannot_read_its_keys_signs_nothing_with_a_retired_one(own: Served) -> None:
    """It stops signing instead, and says what to do (LOG-10)."""
    service = open_house(own.house.settings)
    log_keys.rotate(own.house, actor=OPERATOR, now=own.now)
    newest = own.house.settings.keys_folder / "log-2.key"
    newest.chmod(0o644)
    assert len(service.signer.vkeys) == 1  # nothing was retired yet: the key in memory is good
    newest.chmod(0o600)
    both = open_house(own.house.settings)
    log_keys.retire(both, 1, actor=OPERATOR, now=own.now)
    newest.chmod(0o644)

    with pytest.raises(Broken, match="retired"):
        sign_checkpoint(service, now=own.now)

    newest.chmod(0o600)
    sign_checkpoint(service, now=own.now)
    for house in (service, both):
        house.close()


def test_nothing_is_pruned_without_a_written_rule(own: Served) -> None:
    """And with one, only what is older, and nothing that kept assignments hang on (LOG-12)."""
    from api.workflows.pruning import prune
    from audit.errors import Refused

    with pytest.raises(Refused, match="catalogue has no rule"):
        prune(own.house, actor=OPERATOR, now=own.now)
    ruled = replace(own.house, catalogue=replace(own.house.catalogue, log_kept="P3Y"))
    with pytest.raises(BadInput, match="P3Y"):
        prune(ruled, actor=OPERATOR, now=own.now, before=own.now - 24 * HOUR)
    sign_checkpoint(ruled, now=own.now)
    found = prune(ruled, actor=OPERATOR, now=own.now + 5 * 366 * 24 * HOUR, dry_run=True)
    assert (found.minimum, found.emptied) == (0, 0), "the live run's entry is in use"
