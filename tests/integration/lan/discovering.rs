//! `server --announce` and `peer --discover`.

use super::machines::run;

#[test]
fn an_announced_server_is_found_until_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"
        discover() { peer --discover list; echo "EXIT $?"; }
        echo "== none"; discover
        nsenter --net=$far server --announce --listen 7734 >first 2>&1 & first=$!
        await grep -q "listening on" first
        echo "== one"; discover
        nsenter --net=$far server --announce --listen 7744 >second 2>&1 & second=$!
        await grep -q "listening on" second
        echo "== two"; discover
        kill $second; wait $second
        echo "== one again"; discover
        kill $first; wait $first
        echo "== none again"; discover
        echo "== both"; peer 10.77.0.2 --discover list; echo "EXIT $?"
        echo "== loopback"; timeout 2 server --announce --listen 127.0.0.1:7734
        echo "== end"
        kill $machine
    "#;
    let Some(text) = run(script, directory.path()) else { return };
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("== {name}\n")).expect(&text);
        rest.split("== ").next().unwrap().to_string()
    };
    for (name, exit, message) in [
        ("none", "EXIT 66", "start one with `server --announce`"),
        ("one", "EXIT 0", "(10.77.0.2:7734)"),
        ("two", "EXIT 2", "2 index servers are announced"),
        ("one again", "EXIT 0", "(10.77.0.2:7734)"),
        ("none again", "EXIT 66", "no index server is announced"),
        ("both", "EXIT 2", "leave out one of them"),
        ("loopback", "", "--announce announces nothing"),
    ] {
        let found = part(name);
        assert!(found.contains(exit) && found.contains(message), "{name}: {found}\n{text}");
    }
    let two = part("two");
    assert!(two.contains("(10.77.0.2:7734)") && two.contains("(10.77.0.2:7744)"), "{two}");
}

#[test]
fn a_user_at_a_terminal_is_asked_before_a_server_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"
        mkdir shared
        mkfifo typed
        exec 8<>typed
        start() { script -qfec "peer --share shared" screen <typed >/dev/null & shell=$!; }
        nsenter --net=$far server --announce --listen 7734 >first 2>&1 & first=$!
        await grep -q "listening on" first
        start
        await grep -q "type the number" screen
        echo 1 >&8
        await grep -q "p2p-ci>" screen
        echo status >&8
        await grep -q "uploading" screen
        echo exit >&8
        wait $shell
        echo "== used"; cat screen
        rm screen; start
        await grep -q "type the number" screen
        echo >&8
        await grep -q "localhost:7734" screen
        await grep -q "p2p-ci>" screen
        echo exit >&8
        wait $shell
        echo "== refused"; cat screen
        server --listen 127.0.0.1:7734 >here 2>&1 & here=$!
        await grep -q "listening on" here
        rm screen; start
        await grep -q "p2p-ci>" screen
        echo exit >&8
        wait $shell
        echo "== here"; cat screen
        echo "== script"; echo list | peer --share shared
        echo "== end"
        kill $machine $here
    "#;
    let Some(text) = run(script, directory.path()) else { return };
    assert!(!text.contains("GAVE UP"), "{text}");
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("== {name}\n")).expect(&text);
        rest.split("== ").next().unwrap().to_string()
    };
    let used = part("used");
    let (_, after) = used.split_once("type the number").expect(&used);
    assert!(after.contains("10.77.0.2:7734"), "{used}");
    let refused = part("refused");
    let (_, after) = refused.split_once("type the number").expect(&refused);
    assert!(!after.contains("10.77.0.2:7734"), "{refused}");
    assert!(!part("here").contains("type the number"), "{text}");
    assert!(!part("script").contains("10.77.0.2"), "{text}");
}
