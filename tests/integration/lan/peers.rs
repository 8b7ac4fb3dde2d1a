//! `peer --lan`: peers of one network share documents without an index server.

use super::machines::run;

/// The parts of the output of a script, by their headings.
fn part(text: &str, name: &str) -> String {
    let found = text.split_once(&format!("== {name}\n"));
    let (_, rest) = found.unwrap_or_else(|| panic!("no part `{name}` in:\n{text}"));
    rest.split("== ").next().unwrap().to_string()
}

#[test]
fn peers_find_each_others_documents_without_an_index_server() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"
        mkdir papers own alone
        printf 'HOST SOFTWARE\n' >papers/rfc1.txt
        head -c 3000000 /dev/urandom >papers/big.bin
        peers() { peer --lan --share own "$@"; echo "EXIT $?"; }
        echo "== none"; peers get 1
        nsenter --net=$far peer --lan --share papers --upload 6002 share >holder 2>&1 & holder=$!
        await grep -q "uploading from" holder
        # Its digest is known after some time.
        listed() {
            exec 3<>/dev/tcp/10.77.0.2/$1
            printf 'LIST FILES P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n' >&3
            timeout 20 cat <&3
        }
        has_digest() { listed 6002 | grep -q "^Digest: sha-256=$(sha256sum <papers/big.bin | cut -c-64)"; }
        await has_digest
        echo "== list"; peers list; peers list --files
        echo "== lookup"; peers lookup big.bin
        echo "== absent"; peers lookup 2
        echo "== search"; peers search rfc1
        echo "== get"; peers get 1; cmp papers/rfc1.txt own/rfc1.txt && echo SAME
        # It is interrupted when a part has arrived.
        peer --lan --share own --download-limit 300k get big.bin >cut 2>&1 & cut=$!
        await sh -c 'find own -size +200k | grep -q .'
        kill $cut; wait $cut
        echo "== resumed"; peers get big.bin; cmp papers/big.bin own/big.bin && echo SAME
        grep "FILE big.bin: .*the requested part" holder
        echo "== why"; peers why big.bin
        # A peer that is not asked for its list, and one that does not announce itself.
        echo "== refused"
        nsenter --net=$far peer --share alone --upload 5999 share >other 2>&1 & other=$!
        await grep -q "uploading from" other
        listed 5999
        echo "== shell"
        mkfifo typed; exec 8<>typed
        peer --lan --share own <typed >shell 2>&1 & shell=$!
        echo "list" >&8
        await grep -q "10.77.0.2" shell
        printf 'LATER\n' >papers/rfc5.txt
        later() { echo "lookup 5" >&8; sleep 1; grep -q "^RFC 5 " shell; }
        await later
        echo exit >&8; wait $shell; cat shell
        kill $holder; wait $holder
        echo "== gone"; peers lookup big.bin
        echo "== end"
        kill $machine $other
    "#;
    let Some(text) = run(script, directory.path()) else { return };
    assert!(!text.contains("GAVE UP"), "{text}");
    for (name, found) in [
        ("none", vec!["no peer has RFC 1", "EXIT 66"]),
        ("list", vec!["RFC 1 ", "FILE big.bin ", " 10.77.0.2 ", "EXIT 0"]),
        ("lookup", vec!["FILE big.bin ", " 10.77.0.2 6002", "EXIT 0"]),
        ("search", vec!["RFC 1 ", " 10.77.0.2 ", "EXIT 0"]),
        ("get", vec!["SAME", "EXIT 0"]),
        ("resumed", vec!["sha-256 checked", "SAME", "the requested part", "EXIT 0"]),
        ("why", vec!["10.77.0.2", "EXIT 0"]),
        ("refused", vec!["P2P-CI/1.0 400 Bad Request"]),
        ("shell", vec!["RFC 5 rfc5.txt 10.77.0.2 6002"]),
    ] {
        let output = part(&text, name);
        for expected in found {
            assert!(output.contains(expected), "{name}: {expected}\n{text}");
        }
    }
    assert!(!part(&text, "search").contains("big.bin"), "{text}");
    assert!(!part(&text, "absent").contains("EXIT 0"), "{text}");
    assert!(!part(&text, "gone").contains("EXIT 0"), "{text}");
    // The peer in the shell has the documents as well, and does not find itself.
    assert!(!part(&text, "shell").contains("10.77.0.1"), "{text}");
}
