"""The only way this house calls another: one POST to an address that was looked at first (SSRF).

A host is resolved once, every address it has must be a public one, and the connection goes to the very address that was
checked: a name that means something else a moment later leads nowhere. The certificate is checked against the name.
Redirects are not followed, proxies of the environment are not used, of the answer only the status line is read, and
the whole takes `TOTAL_SECONDS` at most. An operator can allow hosts of their own network by name. What goes wrong is
told as a token: neither address nor answer ever stands in an error.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

import idna

from audit.errors import BadInput, Unavailable

T = TypeVar("T")

TOTAL_SECONDS = 20
CONNECT_SECONDS = 10
LARGEST_HEAD = 16_384
LONGEST_URL = 2_000
PORTS = {"https": 443, "http": 80}
Resolve = Callable[[str, int], Sequence[str]]
"""From host and port to addresses; raises OSError when the name means nothing."""

_CLOSED_V4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
"""What the registry of special IPv4 addresses keeps from the public Internet (RFC 6890 and those after it)."""
_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
"""Within what is routed: protocol assignments with Teredo and ORCHID, documentation."""
_SIX_TO_FOUR, _NAT64 = ip_network("2002::/16"), ip_network("64:ff9b::/96")

_PATH = re.compile(r"[!-~]*")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]+")
_HEADER = re.compile(r"[ -~]*")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")


class TargetRefused(BadInput):
    """The URL leads to where nothing is sent: no https, no public address, or something besides host and path."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(advice)
        self.problem = problem
        """A token such as `address_not_public`."""


class NotDelivered(Unavailable):
    """The other system did not answer, or not with a status of success."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the other system did not take the message: {problem}")
        self.problem = problem
        """A token such as `status_500` or `timeout`."""


@dataclass(frozen=True)
class Target:
    """A URL in its parts; `repr` shows none, for a path may hold a key."""

    scheme: str
    host: str = field(repr=False)
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        """Host, and port if it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def resolve(host: str, port: int) -> Sequence[str]:
    """What this machine's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Outward:
    """Sends to checked addresses alone."""

    allowed: frozenset[str] = frozenset()
    """Hosts that the operator allows although they are private, or speak plain http."""
    resolve: Resolve = resolve
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    """Which certificates are believed; None: those that this machine trusts."""

    def check(self, url: str) -> None:
        """Look at a URL as it is looked at before each sending.

        Raises:
            TargetRefused: nothing would be sent there; says why.
        """
        target = self._target(url)
        try:
            self._addresses(target)
        except NotDelivered:
            raise TargetRefused("host_unknown", "the host of the URL is not known here; check its name") from None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send once.

        Returns:
            The status, from 200 to 299.

        Raises:
            TargetRefused: nothing was sent, the URL leads to where nothing is sent.
            NotDelivered: no answer, or another status; whether it arrived may be unknown.
        """
        status = self.talk("POST", url, body, headers, read=_status)
        if not 200 <= status <= 299:
            raise NotDelivered(f"status_{status}")
        return status

    def talk(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        read: Callable[[socket.socket, float], T],
    ) -> T:
        """Send once and let *read* take what it wants from the answer, until a deadline.

        Raises:
            TargetRefused: nothing was sent, the URL leads to where nothing is sent.
            NotDelivered: no answer; whether it arrived may be unknown.
        """
        target = self._target(url)
        addresses = self._addresses(target)
        deadline = monotonic() + TOTAL_SECONDS
        request = _request(target, body, headers, method)
        try:
            with self._connect(target, addresses, deadline) as connection:
                connection.sendall(request)
                return read(connection, deadline)
        except TimeoutError:
            raise NotDelivered("timeout") from None
        except ssl.SSLError:
            raise NotDelivered("certificate_or_tls") from None
        except OSError:
            raise NotDelivered("cannot_connect") from None

    def _target(self, url: str) -> Target:
        target = read_target(url)
        if target.scheme != "https" and target.host not in self.allowed:
            raise TargetRefused("not_https", "the URL must begin with https://, unless the operator allows its host")
        return target

    def _addresses(self, target: Target) -> Sequence[str]:
        """Every address of the host, all of them fit to be called."""
        try:
            found = self.resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise NotDelivered("host_unknown") from None
        if not found:
            raise NotDelivered("host_unknown")
        if target.host not in self.allowed and not all(map(is_public, found)):
            raise TargetRefused(
                "address_not_public",
                "the host lies in a private, local or reserved network; the operator can allow it by name in "
                "LAUTER_WEBHOOK_HOSTS",
            )
        return found

    def _connect(self, target: Target, addresses: Sequence[str], deadline: float) -> socket.socket:
        """To the first of the checked addresses that answers; the name is not looked up again."""
        problem: OSError = TimeoutError()
        for address in addresses:
            left = min(CONNECT_SECONDS, deadline - monotonic())
            if left <= 0:
                break
            try:
                plain = socket.create_connection((address, target.port), timeout=left)
            except OSError as error:
                problem = error
                continue
            return self._secured(plain, target) if target.scheme == "https" else plain
        raise problem

    def _secured(self, plain: socket.socket, target: Target) -> socket.socket:
        context = self.trust or ssl.create_default_context()
        try:
            return context.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def read_target(url: str) -> Target:
    """The parts of a URL that may be called.

    Raises:
        TargetRefused: it is none, names a user or a fragment, or holds what has no place in a request line.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _unreadable() from None
    # A backslash is read as a slash by some and not by others: two readers, two hosts.
    clean = len(url) <= LONGEST_URL and _PATH.fullmatch(parts.path + parts.query) and not {"\\", " "} & set(url)
    if parts.scheme not in PORTS or not clean or not url.isprintable() or port == 0:
        raise _unreadable()
    if parts.username is not None or parts.password is not None or parts.fragment or "%" in host:
        raise _unreadable()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _ascii(host), port or PORTS[parts.scheme], path)


def is_public(address: str) -> bool:
    """Whether anybody on the Internet could reach it under this address; what cannot be read is not."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _CLOSED_V4)
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
    if found in _SIX_TO_FOUR:
        return is_public(str(IPv4Address((int(found) >> 80) & 0xFFFF_FFFF)))
    return _is_public_v6(found)


def _is_public_v6(found: IPv6Address) -> bool:
    """In the part that is routed, not set aside in it, and no IPv4 address in disguise (ISATAP, RFC 5214)."""
    disguised = (int(found) >> 32) & 0xFCFF_FFFF == 0x0000_5EFE
    return found in _OPEN_V6 and not disguised and not any(found in network for network in _CLOSED_V6)


def _ascii(host: str) -> str:
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise _unreadable() from None
    name = name.lower().removesuffix(".")
    if not _HOST.fullmatch(name):
        raise _unreadable()
    return name


def _unreadable() -> TargetRefused:
    return TargetRefused(
        "url_invalid", "the URL must read https://host[:port]/path, without user, password, fragment or spaces"
    )


def _request(target: Target, body: bytes, headers: Mapping[str, str], method: str) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
    for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
        if not _HEADER.fullmatch(name + value):
            raise ValueError("a header of an outgoing request holds more than printable ASCII")
        lines.append(f"{name}: {value}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


def _status(connection: socket.socket, deadline: float) -> int:
    """The status of the final answer; interim ones are passed over, bodies are not read."""
    head = b""
    while len(head) < LARGEST_HEAD:
        found = _STATUS.match(head)
        if found is not None and not found[1].startswith(b"1"):
            return int(found[1])
        end = head.find(b"\r\n\r\n")
        if found is not None and end >= 0:
            head = head[end + 4 :]
            continue
        if found is None and b"\n" in head:
            break
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        more = connection.recv(4_096)
        if not more:
            break
        head += more
    raise NotDelivered("not_http")
