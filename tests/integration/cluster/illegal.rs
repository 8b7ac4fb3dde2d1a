//! Entries of the store that are illegal are skipped and counted.

use crate::cluster::store::Store;
use crate::cluster::{add, server, wait_for};

#[test]
fn illegal_entries_are_skipped() {
    let Some(store) = Store::start(&[]) else { return };
    let a = server(&store.url());
    let _one = add(&a, 1, 1);
    let add_entry = |fields: &[&str]| {
        let reply = store.command(&[&["XADD", "{p2pci}:changes", "*"], fields].concat());
        assert!(reply.starts_with('$'), "{reply}");
    };
    let epoch = "0123456789abcdef";
    add_entry(&["x", "y"]);
    add_entry(&["s", "a b", "e", epoch, "n", "1", "c", "x1"]);
    add_entry(&["s", "evil", "e", "zz", "n", "1", "c", "x1"]);
    add_entry(&["s", "evil", "e", epoch, "n", "-1", "c", "x1"]);
    add_entry(&["s", "evil", "e", epoch, "n", "1", "c", "\u{7}\u{1b}[31m"]);
    let line = "+1\nRFC 7\t127.0.0.1\t7\n5\n-,-,-\nbad\rtitle";
    add_entry(&["s", "evil", "e", epoch, "n", "2", "c", line]);
    store.command(&["SADD", "{p2pci}:servers", "evil", "a b c", "\u{1b}"]);
    let _two = add(&a, 2, 1);
    let b = server(&store.url());
    let _three = add(&b, 3, 3);
    let all = ["RFC 1 T 127.0.0.1 1", "RFC 2 T 127.0.0.1 1", "RFC 3 T 127.0.0.1 3"];
    wait_for(&a, &all);
    wait_for(&b, &all);
}

#[test]
fn illegal_records_are_skipped_by_a_server_that_joins() {
    let Some(store) = Store::start(&[]) else { return };
    let a = server(&store.url());
    let _one = add(&a, 1, 1);
    let reply = store.command(&["SMEMBERS", "{p2pci}:servers"]);
    let member = reply.split("\r\n").nth(2).unwrap().replace(' ', ":");
    let key = format!("{{p2pci}}:connections:{member}");
    let reply = store.command(&["SMEMBERS", &key]);
    let connection = reply.split("\r\n").nth(2).unwrap();
    store.command(&["SADD", &key, "x", "-1", "99999999999999999999999"]);
    let key = format!("{{p2pci}}:records:{member}:{connection}");
    for (field, value) in
        [("RFC 0\t127.0.0.1\t1", "1-1-1 5 -,-,- T"), ("RFC 2\t127.0.0.1\t1", "T"), ("", "")]
    {
        assert_eq!(store.command(&["HSET", &key, field, value]), ":1\r\n");
    }
    let b = server(&store.url());
    wait_for(&b, &["RFC 1 T 127.0.0.1 1"]);
}
