"""Where a webhook may go: https to a public address, looked up once and pinned, so that nobody reaches inside through us."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from services.results import messages
from shared.contracts.wording import Sentence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
MAX_URL = 500
LOOKUP_SECONDS = 5.0


class AddressError(Exception):
    """The URL may not be called. Carries a stable code and a sentence."""

    def __init__(self, code: str, detail: Sentence) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Target:
    """A checked URL: connect to `ip`, but speak to `host`. The host's `others` are checked as well."""

    tls: bool
    host: str
    port: int
    path: str
    ip: str
    others: tuple[str, ...] = ()

    def each(self, start: int = 0) -> list["Target"]:
        """One for each address, in the order of the lookup from number `start` on, which is taken round."""
        ips = (self.ip, *self.others)
        turn = start % len(ips)
        return [replace(self, ip=ip, others=()) for ip in ips[turn:] + ips[:turn]]

    @property
    def url(self) -> str:
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{'https' if self.tls else 'http'}://{ip}:{self.port}{self.path}"

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def check_url(url: str, *, private: bool) -> SplitResult:
    """The parts of a URL that is well formed and uses an allowed scheme. `private` also allows http."""
    if len(url) > MAX_URL or any(ord(letter) < 33 or ord(letter) > 126 for letter in url):
        raise AddressError("url-invalid", messages.URL_LETTERS)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressError("url-invalid", messages.NOT_A_URL) from error
    if parts.scheme not in ({"https", "http"} if private else {"https"}):
        raise AddressError("scheme-not-allowed", messages.HTTPS_ONLY)
    if not parts.hostname or port == 0 or parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressError("url-invalid", messages.URL_PARTS)
    return parts


def is_public(address: Address) -> bool:
    """Whether the address is reachable from everywhere; addresses that wrap another one count as the one inside."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or address.is_site_local:
            return False
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def check_address(url: str, *, private: bool) -> Target:
    """Look the host up and refuse it if any of its addresses is not public."""
    parts = check_url(url, private=private)
    tls = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if tls else 80)
    addresses = await look_up(host, port)
    if not private and not all(is_public(address) for address in addresses):
        raise AddressError("address-not-public", messages.NOT_PUBLIC)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    first, *others = dict.fromkeys(str(address) for address in addresses)
    return Target(tls=tls, host=host, port=port, path=path, ip=first, others=tuple(others))


async def look_up(host: str, port: int) -> list[Address]:
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise AddressError("host-unknown", messages.HOST_UNKNOWN) from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses:
        raise AddressError("host-unknown", messages.HOST_UNKNOWN)
    return addresses
