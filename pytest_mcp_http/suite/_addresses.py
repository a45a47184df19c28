"""The addresses of this machine, and what listens there; no packet leaves it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress

CONNECT_SECONDS = 1.0
"""Longest wait for a connection to an address of our own."""

_PROBES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Documentation addresses: they only make the system choose the address it would send from."""


def own_addresses() -> tuple[str, ...]:
    """Return the addresses by which this machine is reached from a network, one per family at most.

    Connecting a datagram socket sends nothing. Loopback and link-local addresses are left out, and so is
    what cannot be bound, since it is not ours.
    """
    return tuple(address for address in _candidates() if _is_ours(address))


def _candidates() -> Iterator[str]:
    for family, elsewhere in _PROBES:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            yield str(probe.getsockname()[0])


def _is_ours(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    if parsed.is_loopback or parsed.is_unspecified or parsed.is_link_local:
        return False
    try:
        with socket.socket(socket.AF_INET6 if parsed.version == 6 else socket.AF_INET) as ours:
            ours.bind((address, 0))
    except OSError:
        return False
    return True


def accepts(address: str, port: int) -> bool:
    """Tell whether something accepts TCP connections at an address and port."""
    try:
        socket.create_connection((address, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
