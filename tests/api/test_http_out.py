"""What this house calls is what it looked at: no private address, no second look-up, no redirect, no proxy (SSRF)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import http_out
from api.http_out import NotDelivered, Outward, TargetRefused, is_public, read_target
from tests.api.other_system import another_system
from tests.api.smtp_world import a_certificate

HERE = frozenset({"127.0.0.1"})
PRIVATE = (
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2001:10::1", "2001:20::1", "2002:a00:1::",
    "2002:7f00:1::1", "2002:c0a8:101::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "2a00:1450::5efe:a00:1", "2a00:1450::200:5efe:7f00:1", "not an address", "",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.169.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:1.1.1.1",
    "64:ff9b::101:101", "2002:101:101::1",
)  # fmt: skip


def to(*addresses: str) -> Callable[[str, int], list[str]]:
    """A resolver that knows one answer."""
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_the_internet_does_not_reach_is_refused(address: str) -> None:
    """Private, shared, local, reserved, and IPv4 in every disguise that IPv6 knows (RFC 6890)."""
    assert not is_public(address)
    with pytest.raises(TargetRefused) as refused:
        Outward(resolve=to(address)).check("https://crm.example.org/hook")
    assert refused.value.problem == "address_not_public"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    """Also right beside the closed ranges."""
    assert is_public(address)
    Outward(resolve=to(address)).check("https://crm.example.org/hook")


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_never_public(address: IPv4Address | IPv6Address) -> None:
    """Our table is at least as strict as another reader of the same registries."""
    if (
        address.is_private
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address.is_reserved
    ):
        embedded = getattr(address, "ipv4_mapped", None)
        known = (
            isinstance(address, IPv6Address) and address in http_out._NAT64
        )  # reserved there, judged by its content here
        assert embedded is not None or known or not is_public(str(address))


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    """Which one is taken must not be left to chance."""
    with pytest.raises(TargetRefused, match="LAUTER_WEBHOOK_HOSTS"):
        Outward(resolve=to("1.1.1.1", "10.0.0.1")).check("https://crm.example.org/")


@pytest.mark.parametrize(
    "url",
    [
        "", "crm.example.org", "//crm.example.org/", "ftp://crm.example.org/", "file:///etc/passwd", "https://",
        "https:///path", "https://user@crm.example.org/", "https://user:key@crm.example.org/", "https://:@crm.example.org/",
        "https://crm.example.org/#part", "https://crm.example.org:0/", "https://crm.example.org:99999/",
        "https://crm.example.org:port/", "https://crm.example.org/a b", " https://crm.example.org/", "https://crm.example.org/\n",
        "https://crm.example.org\r\nX: y/", "https://crm.example.org/\r\nX: y", "https://crm.exam\tple.org/",
        "https://crm.example.org\\@evil.example/", "https://crm.example.org/\\evil", "https://a_b..example.org/",
        "https://crm example.org/", "https://crm%2eexample.org/", "https://[::1/", "https://[fe80::1%25eth0]/",
        "https://crm.example.org/ü", "https://crm.example.org/\x7f", "https://" + "a" * 2_000 + ".example.org/",
        "https://-\u2028.example.org/", "https://xn--\u00ad.example.org/",
    ],
)  # fmt: skip
def test_a_url_that_two_readers_could_read_in_two_ways_is_refused(url: str) -> None:
    """Scheme, host, port, path and query; nothing else, and no sign that ends a line or starts another host."""
    with pytest.raises(TargetRefused) as refused:
        Outward(resolve=to("1.1.1.1")).check(url)

    assert refused.value.problem in {"url_invalid", "not_https"}
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.0.0.1", "017700000001", "localhost", "[::1]", "[::ffff:7f00:1]"]
)
def test_this_machine_is_refused_under_every_name_it_answers_to(host: str) -> None:
    """By the real resolver: short, decimal, hexadecimal and octal forms lead to the same address."""
    with pytest.raises(TargetRefused) as refused:
        Outward().check(f"https://{host}/")

    assert refused.value.problem in {"address_not_public", "host_unknown"}


def test_a_name_in_other_letters_is_asked_for_as_the_network_knows_it() -> None:
    """IDNA 2008; the host header says the same (RFC 5890)."""
    target = read_target("https://CRM.Müller.example:8443/a?b=1")

    assert (target.host, target.port, target.path) == ("crm.xn--mller-kva.example", 8443, "/a?b=1")
    assert target.authority == "crm.xn--mller-kva.example:8443"
    assert read_target("https://[2606:4700::1]").authority == "[2606:4700::1]"
    assert "example" not in repr(target)


def test_plain_http_is_for_hosts_that_the_operator_allows() -> None:
    """What is sent names a customer: it crosses no network in clear unless somebody took that on themselves."""
    with pytest.raises(TargetRefused) as refused:
        Outward(resolve=to("1.1.1.1")).check("http://crm.example.org/")
    assert refused.value.problem == "not_https"

    Outward(frozenset({"crm.internal"}), resolve=to("10.0.0.1")).check("http://crm.internal/")


def test_an_allowed_host_opens_no_other_name() -> None:
    """Not its subdomains, not its address."""
    outward = Outward(frozenset({"crm.internal"}), resolve=to("10.0.0.1"))
    for host in ("sub.crm.internal", "crm.internal.example.org", "10.0.0.1"):
        with pytest.raises(TargetRefused):
            outward.check(f"https://{host}/")


def test_the_request_arrives_with_its_body_and_headers_and_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are not asked."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with another_system(204) as system:
        status = Outward(HERE).post(system.url, b'{"a":1}', {"webhook-id": "msg_1", "Content-Type": "application/json"})

    assert status == 204
    ((path, headers, body),) = system.requests
    assert (path, body) == ("/hook?key=1", b'{"a":1}')
    assert headers == {
        "Host": f"127.0.0.1:{system.port}", "webhook-id": "msg_1", "Content-Type": "application/json",
        "Content-Length": "7", "Connection": "close",
    }  # fmt: skip


def test_a_name_that_changes_its_meaning_after_the_check_leads_nowhere() -> None:
    """DNS rebinding: public when it was registered, this machine when it is called: nothing is sent."""
    with another_system() as system:
        answers = iter([["1.1.1.1"], ["127.0.0.1"]])
        outward = Outward(resolve=lambda _host, _port: next(answers))
        outward.check(f"https://crm.example.org:{system.port}/")
        with pytest.raises(TargetRefused) as refused:
            outward.post(f"https://crm.example.org:{system.port}/", b"", {})

    assert refused.value.problem == "address_not_public"
    assert system.requests == []


def test_the_name_is_looked_up_once_and_the_connection_goes_to_that_very_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between check and connection nobody is asked who could answer otherwise; TLS is by name (RFC 9525)."""
    shown, trusted = a_certificate(tmp_path, "crm.example.org")
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with another_system(tls=shown) as system:
        outward = Outward(frozenset({"crm.example.org", "other.example.org"}), resolve, trusted)
        assert outward.post(f"https://crm.example.org:{system.port}/", b"x", {}) == 200
        with pytest.raises(NotDelivered, match="certificate_or_tls"):
            outward.post(f"https://other.example.org:{system.port}/", b"x", {})
        with pytest.raises(NotDelivered, match="certificate_or_tls"):
            Outward(frozenset({"crm.example.org"}), resolve).post(f"https://crm.example.org:{system.port}/", b"x", {})

    assert asked == ["crm.example.org", "other.example.org", "crm.example.org"]
    assert [headers["Host"] for _, headers, _ in system.requests] == [f"crm.example.org:{system.port}"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(status: int) -> None:
    """Where it would lead was never checked."""
    with (
        another_system() as inner,
        another_system(status, location=inner.url) as outer,
        pytest.raises(NotDelivered) as refused,
    ):
        Outward(HERE).post(outer.url, b"", {})

    assert refused.value.problem == f"status_{status}"
    assert inner.requests == []


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_every_status_but_success_is_a_failure(status: int) -> None:
    """Its token is the number."""
    with another_system(status) as system, pytest.raises(NotDelivered, match=f"status_{status}"):
        Outward(HERE).post(system.url, b"", {})


@contextmanager
def raw_server(answer: bytes, *, hold: bool = False) -> Iterator[str]:
    """A server that says exactly this, and hangs up unless it holds the line."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                connection.sendall(answer)
            except OSError:
                return
            if hold:
                over.wait(10)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        over.set()
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"SSH-2.0-server\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 2000 OK\r\n", b"HTTP/1.1 20", b"x" * 20_000,
        b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 20_000,
    ],
)  # fmt: skip
def test_what_does_not_speak_http_is_a_failure_and_is_read_no_further(answer: bytes) -> None:
    """Nothing of it is shown either: no oracle for what listens in a network."""
    with raw_server(answer) as url, pytest.raises(NotDelivered, match="not_http"):
        Outward(HERE).post(url, b"", {})


def test_an_interim_answer_is_passed_over_and_a_body_is_not_waited_for() -> None:
    """RFC 9110, section 15.2; an endless body keeps nobody."""
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\n"
    with raw_server(answer, hold=True) as url:
        assert Outward(HERE).post(url, b"", {}) == 202


def test_a_server_that_says_nothing_is_left_after_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole call has one deadline, however slowly it drips."""
    monkeypatch.setattr(http_out, "TOTAL_SECONDS", 0.05)
    with raw_server(b"HTTP/1.1 ", hold=True) as url, pytest.raises(NotDelivered, match="timeout"):
        Outward(HERE).post(url, b"", {})


def test_a_host_nobody_knows_and_a_port_nobody_listens_on_are_failures_for_now() -> None:
    """Later there may be somebody; at registration a host must be known."""

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    with raw_server(b"") as url, socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")))):
        pass
    with pytest.raises(NotDelivered, match="cannot_connect"):
        Outward(HERE).post(url, b"", {})
    with pytest.raises(NotDelivered, match="host_unknown"):
        Outward(resolve=unknown).post("https://crm.example.org/", b"", {})
    with pytest.raises(NotDelivered, match="host_unknown"):
        Outward(resolve=to()).post("https://crm.example.org/", b"", {})
    with pytest.raises(TargetRefused, match="not known"):
        Outward(resolve=unknown).check("https://crm.example.org/")


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    """All of them were checked."""
    with another_system() as system:
        outward = Outward(frozenset({"crm.internal"}), to("127.0.0.2", "127.0.0.1"))
        assert outward.post(f"http://crm.internal:{system.port}/", b"", {}) == 200


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "ü", "\x00"])
def test_no_header_breaks_out_of_its_line(value: str) -> None:
    """A fault of this house, told as one: nothing is sent."""
    with another_system() as system, pytest.raises(ValueError, match="header"):
        Outward(HERE).post(system.url, b"", {"webhook-id": value})

    assert system.requests == []
