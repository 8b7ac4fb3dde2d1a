//! Submissions where namespaces are not possible.

use std::net::TcpListener;

use super::{Class, program_without_namespaces, submission};

#[test]
fn without_namespaces_submissions_run_one_after_the_other_and_the_table_says_it() {
    let Some(program) = program_without_namespaces() else {
        println!("skipped: setpriv and unshare cannot take the right to create namespaces");
        return;
    };
    let class = Class::new();
    for (name, script) in [
        ("daemon", "(setsid SERVE </dev/null >/dev/null 2>&1 &)\nexit 0"),
        ("good", "exec SERVE"),
        // It writes neither its result nor into the process that reads that.
        (
            "forges",
            "read -r id name state reader rest </proc/$PPID/stat\n\
             for process in $PPID $reader; do for file in 0 1 2 3 4 5 6 7 8 9 10 11 12; do\n\
             if (echo '{}' >/proc/$process/fd/$file) 2>/dev/null; then exit 7; fi\n\
             done; done\nexec SERVE",
        ),
        ("kills-its-parent", "kill -9 $PPID; exec SERVE"),
        ("locked", "mkdir -p a/b; touch a/b/c; chmod 0 a/b a; exit 9"),
        ("no-start", "sleep 1000 & exit 3"),
        ("flood", "yes"),
    ] {
        class.add(name, script);
    }
    let object = class.results(program, &[]);
    for name in ["daemon", "good", "forges"] {
        let one = submission(&object, name);
        assert_eq!(one["grade"], 100.0, "{one:#}");
        assert_eq!(one["isolation"]["namespaces"], false);
    }
    // As another user it cannot end it.
    let one = submission(&object, "kills-its-parent");
    let ended =
        one["problems"][0].as_str().is_some_and(|text| text.starts_with("ended the process"));
    assert!(ended || one["grade"] == 100.0, "{one:#}");
    for (name, problem) in [
        ("locked", "ended with exit code 9"),
        ("no-start", "did not listen on port "),
        ("flood", "wrote more than 8 MiB of output"),
    ] {
        let first = submission(&object, name)["problems"][0].as_str().unwrap();
        assert!(first.starts_with(problem), "{first:?}");
    }
}

#[test]
fn an_occupied_port_is_not_the_fault_of_a_submission() {
    let Some(program) = program_without_namespaces() else {
        println!("skipped: setpriv and unshare cannot take the right to create namespaces");
        return;
    };
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let class = Class::new();
    class.add("a", "exec SERVE");
    let (code, output, errors) = class.check(program, &["--port", &port]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("namespaces are not possible here"), "{errors}");
    // Nothing ran, so nothing was isolated.
    assert!(output.contains(&format!("-          port {port} cannot be used here")), "{output}");
    assert!(output.lines().nth(1).unwrap().starts_with("a     -      -"), "{output}");
}
