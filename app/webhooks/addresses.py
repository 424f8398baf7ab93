"""
Where a push may go.

An own list, because ``is_global`` lets multicast, mapped and translated addresses pass.

Pure. IPv4 is everything except what is listed; IPv6 is the global unicast block except what is
listed. Whatever
embeds another address (mapped, 6to4, Teredo, NAT64) is refused as a whole instead of being
unpacked.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_REFUSED_4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's virtual host, public by its number only
        "169.254.0.0/16",  # link-local; the metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
)

_ALLOWED_6 = IPv6Network("2000::/3")

_REFUSED_6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def acceptable(address: IPv4Address | IPv6Address, *, allow_loopback: bool) -> bool:
    """
    Say whether a push may go to this address.

    It allows loopback only in development.
    """
    if isinstance(address, IPv4Address):
        if address.is_loopback:
            return allow_loopback
        return not any(address in block for block in _REFUSED_4)
    if address == IPv6Address("::1"):
        return allow_loopback
    if address.scope_id is not None or address not in _ALLOWED_6:
        return False
    return not any(address in block for block in _REFUSED_6)
