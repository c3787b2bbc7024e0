//! Which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether an address may be called: it is public, or the node's own settings allow its network.
pub(super) fn may_be_called(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address)) || is_public(address)
}

/// Whether an address belongs to somebody in the Internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Addresses that carry one of IPv4 inside are as public as that one: NAT64 (RFC 6052) and 6to4 (RFC 3056).
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(inside(segments[6], segments[7]));
    }
    if segments[0] == 0x2002 {
        return is_public_v4(inside(segments[1], segments[2]));
    }
    // Everything that is given out to the Internet is in 2000::/3, less documentation, benchmarks and Teredo.
    let global = segments[0] & 0xe000 == 0x2000;
    let documentation = (segments[0] == 0x2001 && segments[1] == 0xdb8) || (segments[0] & 0xfff0 == 0x3ff0);
    let protocol = segments[0] == 0x2001 && segments[1] < 0x200;
    global && !documentation && !protocol
}

fn inside(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("93.184.216.34", true)]
    #[case("2606:4700::1111", true)]
    #[case("127.0.0.1", false)]
    #[case("10.1.2.3", false)]
    #[case("172.16.0.1", false)]
    #[case("192.168.1.1", false)]
    #[case("169.254.169.254", false)]
    #[case("100.64.0.1", false)]
    #[case("0.0.0.0", false)]
    #[case("192.0.2.1", false)]
    #[case("198.18.0.1", false)]
    #[case("224.0.0.1", false)]
    #[case("255.255.255.255", false)]
    #[case("::1", false)]
    #[case("::", false)]
    #[case("fe80::1", false)]
    #[case("fc00::1", false)]
    #[case("ff02::1", false)]
    #[case("2001:db8::1", false)]
    #[case("::ffff:127.0.0.1", false)]
    #[case("::ffff:93.184.216.34", true)]
    #[case("64:ff9b::7f00:1", false)]
    #[case("64:ff9b::5db8:d822", true)]
    #[case("64:ff9b:1::1", false)]
    #[case("2002:7f00:1::", false)]
    fn only_what_somebody_in_the_internet_has_is_public(#[case] address: IpAddr, #[case] public: bool) {
        assert_eq!(may_be_called(address, &[]), public);
    }

    #[rstest]
    #[case("10.1.255.255", true)]
    #[case("10.2.0.0", false)]
    #[case("::ffff:10.1.0.1", true)]
    fn a_network_that_the_node_allows_may_be_called(#[case] address: IpAddr, #[case] allowed: bool) {
        let networks = ["10.1.0.0/16".parse().expect("a network")];
        assert_eq!(may_be_called(address, &networks), allowed);
    }
}
