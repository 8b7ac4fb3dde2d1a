//! Addresses by how local they are, and ports.

use super::*;

fn check(named_by: &str, address: &str) -> Result<(), AddressDenied> {
    let address = match address.parse() {
        Ok(ip) => SocketAddr::new(ip, 5678),
        Err(_) => address.parse().unwrap(),
    };
    AddressPolicy::default().check(named_by.parse().unwrap(), address)
}

#[test]
fn an_address_is_not_more_local_than_its_index() {
    const PLACES: [&[&str]; 4] = [
        &[
            "8.8.8.8",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:0:1234::f7f7:f7f7",
            "2001:4860:4860:0:200:5efe:808:808",
            "192.0.2.7",
            "192.88.99.1",
        ],
        &[
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "2001:0:1234::f5ff:fffe",
            "198.19.255.255",
            "2001:2::1",
            "fec0::1",
            "4000::1",
            "5f00::1",
        ],
        &["169.254.169.254", "192.0.0.170", "fe80::1", "64:ff9b::a9fe:a9fe"],
        &[
            "127.0.0.1",
            "127.255.255.255",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ],
    ];
    for (near, namers) in PLACES.iter().enumerate() {
        for (distance, addresses) in PLACES.iter().enumerate() {
            for namer in *namers {
                for address in *addresses {
                    let allowed = check(namer, address).is_ok();
                    assert_eq!(allowed, distance <= near, "{namer} names {address}");
                }
            }
        }
    }
}

#[test]
fn an_address_behind_an_unknown_translator_counts_as_what_is_safe() {
    // A packet passes the network of the prefix, too.
    assert!(check("8.8.8.8", "2001:4860:4860::5efe:a00:1").is_err());
    assert!(check("10.0.0.1", "fe80::5efe:10.0.0.1").is_err());
    assert!(check("fe80::1", "fe80::5efe:10.0.0.1").is_ok());
    for address in ["64:ff9b:1::808:808", "64:ff9b:1:808:8:800::"] {
        for index in ["8.8.8.8", "10.0.0.1", "fe80::1"] {
            assert!(check(index, address).is_err(), "{index} names {address}");
        }
        assert!(check("127.0.0.1", address).is_ok());
        // As an index it may be a public one.
        assert!(check(address, "8.8.8.8").is_ok());
        assert!(check(address, "10.0.0.1").is_err());
    }
}

#[test]
fn addresses_of_no_host_are_never_permitted() {
    for address in [
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "::",
        "ff02::1",
        "100::1",
        "::224.0.0.1",
    ] {
        assert!(
            matches!(check("127.0.0.1", address), Err(AddressDenied::NotAHost(_))),
            "{address}"
        );
    }
}

#[test]
fn ports_of_well_known_services_are_for_loopback_alone() {
    for (address, allowed) in [
        ("8.8.8.8:1023", false),
        ("8.8.8.8:1024", true),
        ("[2001:4860:4860::8888]:22", false),
        ("127.0.0.1:80", true),
        ("192.168.1.1:25", false),
    ] {
        assert_eq!(check("127.0.0.1", address).is_ok(), allowed, "{address}");
    }
}

#[test]
fn the_user_may_open_networks() {
    let policy = AddressPolicy::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let index = "8.8.8.8".parse().unwrap();
    assert!(policy.check(index, "10.1.2.3:22".parse().unwrap()).is_ok());
    assert!(policy.check(index, "127.0.0.1:5678".parse().unwrap()).is_err());
}

#[test]
fn link_local_addresses_have_the_scope_of_the_index() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let provenance = Provenance::Index(address("[fe80::2%3]:7734"));
    let named = vec![address("[fe80::1]:7735"), address("[fe80::1%9]:7735")];
    let permitted = |named| AddressPolicy::default().permitted(provenance, named).unwrap();
    assert_eq!(permitted(named), [address("[fe80::1%3]:7735"); 2]);
    let global = vec![address("[2001:db8::1]:7735")];
    assert_eq!(permitted(global.clone()), global);
}

#[test]
fn a_peer_of_the_local_network_has_any_address_but_this_machine() {
    let permitted = |policy: &AddressPolicy, address: &str| {
        policy.permitted(Provenance::Lan, vec![address.parse().unwrap()]).is_ok()
    };
    let policy = AddressPolicy::default();
    for (address, is_permitted) in [
        ("10.77.0.2:5678", true),
        ("8.8.8.8:1024", true),
        ("[fe80::1%3]:5678", true),
        ("169.254.1.1:5678", true),
        ("10.77.0.2:22", false),
        ("127.0.0.1:5678", false),
        ("[::1]:5678", false),
        ("[::ffff:127.0.0.1]:5678", false),
        ("0.0.0.0:5678", false),
        ("224.0.0.251:5353", false),
    ] {
        assert_eq!(permitted(&policy, address), is_permitted, "{address}");
    }
    let opened = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
    assert!(permitted(&opened, "127.0.0.1:22"));
}
