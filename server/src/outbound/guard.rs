//! Which addresses may be connected to. Names are resolved here, so that what was checked is what is used: there is no
//! second look-up that could answer differently. Literal addresses never reach a resolver and are checked by themselves.

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address nobody listed as allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is a private or special address; list its network under `outbound.allow` to permit it")]
pub struct Blocked {
    pub address: IpAddr,
}

#[derive(Debug, Clone)]
pub(super) struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    pub(super) fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    fn check(&self, address: IpAddr) -> Result<(), Blocked> {
        let real = embedded(address).map_or(address, IpAddr::V4);
        let listed = self.allow.iter().any(|net| net.contains(&address) || net.contains(&real));
        if listed || !(special(address) || special(real)) { Ok(()) } else { Err(Blocked { address }) }
    }

    pub(super) fn check_literal(&self, url: &Url) -> Result<(), Blocked> {
        match url.host() {
            Some(url::Host::Ipv4(address)) => self.check(address.into()),
            Some(url::Host::Ipv6(address)) => self.check(address.into()),
            Some(url::Host::Domain(_)) | None => Ok(()),
        }
    }

    /// The allowed addresses of a host; `Blocked` when it has addresses but none is allowed.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<Result<Vec<SocketAddr>, Blocked>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        let mut blocked = None;
        let allowed: Vec<SocketAddr> =
            found.into_iter().filter(|to| self.check(to.ip()).map_err(|b| blocked = Some(b)).is_ok()).collect();
        match (allowed.is_empty(), blocked) {
            (true, Some(blocked)) => Ok(Err(blocked)),
            (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
            (false, _) => Ok(Ok(allowed)),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = Guard::resolve(&guard, name.as_str(), 0).await??;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 or 6to4.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let s = v6.segments();
    let low = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, h, l] | [0x64, 0xff9b, 0, 0, 0, 0, h, l] => Some(low(h, l)),
        [0, 0, 0, 0, 0, 0, h, l] if h != 0 => Some(low(h, l)),
        [0x2002, h, l, ..] => Some(low(h, l)),
        _ => None,
    }
}

/// Not an address of the public Internet.
fn special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => embedded(v6.into()).map_or_else(|| special_v6(v6), special_v4),
    }
}

fn special_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    )
}

fn special_v6(v6: Ipv6Addr) -> bool {
    let s = v6.segments();
    v6.is_unspecified()
        || v6.is_loopback()
        || s[0] & 0xfe00 == 0xfc00 // unique local
        || s[0] & 0xffc0 == 0xfe80 // link-local
        || s[0] & 0xffc0 == 0xfec0 // site-local, long deprecated
        || s[0] & 0xff00 == 0xff00 // multicast
        || s[..4] == [0x100, 0, 0, 0] // discard
        || s[..3] == [0x64, 0xff9b, 1] // local NAT64
        || (s[0] == 0x2001 && s[1] < 0x200) // Teredo, benchmarking, ORCHID
        || s[..2] == [0x2001, 0xdb8] // documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(guard: &Guard, address: &str) -> bool {
        guard.check(address.parse().expect("an address")).is_ok()
    }

    #[test]
    fn special_addresses_are_refused_in_every_disguise() {
        let guard = Guard::new(vec![]);
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "::7f00:1",
            "2001:db8::1",
        ] {
            assert!(!allowed(&guard, address), "{address} was allowed");
        }
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(allowed(&guard, address), "{address} was refused");
        }
    }

    #[test]
    fn a_listed_network_is_allowed_and_nothing_beside_it() {
        let guard = Guard::new(vec!["127.0.0.0/8".parse().expect("a network")]);
        assert!(allowed(&guard, "127.0.0.1") && allowed(&guard, "::ffff:127.0.0.1"));
        assert!(!allowed(&guard, "10.0.0.1") && !allowed(&guard, "::1"));
    }

    #[test]
    fn literal_addresses_in_urls_are_seen_however_they_are_written() {
        let guard = Guard::new(vec![]);
        for url in
            ["http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://[::1]:80/", "http://017700000001/"]
        {
            assert!(guard.check_literal(&url.parse().expect("a URL")).is_err(), "{url} was allowed");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused() {
        let answer = Guard::new(vec![]).resolve("localhost", 80).await.expect("every machine knows localhost");
        assert!(answer.is_err());
    }
}
