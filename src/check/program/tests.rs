//! Programs under test that are started, operated and ended.

use super::*;

fn start(words: &[&str]) -> io::Result<Program> {
    Program::start(&Launch::of(words.iter().map(ToString::to_string).collect()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Waits until the output has this text.
fn wait_for(program: &Program, text: &str) -> String {
    let deadline = soon();
    loop {
        let output = String::from_utf8_lossy(&program.output()).into_owned();
        if output.contains(text) || Instant::now() >= deadline {
            assert!(output.contains(text), "{output:?}");
            return output;
        }
        thread::sleep(POLL);
    }
}

#[test]
fn a_program_that_does_not_exist_is_an_error() {
    assert!(start(&["/nonexistent/program"]).is_err());
    assert!(start(&[]).is_err());
}

#[cfg(unix)]
#[test]
fn input_and_output_pass_and_the_status_is_known() {
    let mut program = start(&["/bin/cat", "-", "/nonexistent/file"]).unwrap();
    assert!(program.feed("one\n"));
    wait_for(&program, "one\n");
    assert!(!program.has_ended());
    assert!(program.wait(Instant::now()).unwrap().is_none());
    program.end_input();
    assert!(!program.feed("two\n"));
    assert_eq!(program.wait(soon()).unwrap().and_then(|status| status.code()), Some(1));
    wait_for(&program, "/nonexistent/file");
    // It may be asked again.
    assert_eq!(program.wait(soon()).unwrap().and_then(|status| status.code()), Some(1));
}

#[cfg(unix)]
#[test]
fn typing_never_waits_and_output_is_bounded() {
    let mut program = start(&["/bin/sleep", "60"]).unwrap();
    let line = "x".repeat(1_000);
    assert!((0..16).all(|_| program.feed(&line)));
    assert!(!program.feed(&line));
    let program = start(&["/bin/sh", "-c", "yes | head -n 1000000; echo last"]).unwrap();
    program.wait(soon()).unwrap().unwrap();
    wait_for(&program, "last\n");
    assert!(program.output().len() <= 2 * KEPT + 4096);
}

#[cfg(unix)]
#[test]
fn the_whole_group_is_killed() {
    for waits in [false, true] {
        // The second process ignores the end of the first one, and holds its output open.
        let wait = if waits { "wait" } else { "true" };
        let script = format!("sh -c 'trap \"\" HUP TERM; echo $$; sleep 60' & {wait}");
        let mut program = start(&["/bin/sh", "-c", &script]).unwrap();
        let id = wait_for(&program, "\n");
        match waits {
            true => program.kill(),
            false => assert!(program.wait(soon()).unwrap().is_some()),
        }
        let id = rustix::process::Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        let deadline = soon();
        // Its parent is gone: the system removes it after a moment, or it is a zombie of an init that
        // waits for nothing.
        let is_running = || {
            let status = std::fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()));
            let is_zombie = status.is_ok_and(|text| text.contains(") Z "));
            rustix::process::test_kill_process(id).is_ok() && !is_zombie
        };
        while is_running() {
            assert!(Instant::now() < deadline, "waits: {waits}");
            thread::sleep(POLL);
        }
    }
}

/// The leader may move to another group, because it leads no session. Killing it waits for it.
#[cfg(unix)]
#[test]
fn a_leader_that_has_left_its_group_is_killed() {
    let script = "import os, time\n\
                  inner, outer = os.pipe()\n\
                  child = os.fork()\n\
                  if child == 0:\n    \
                      os.setpgid(0, 0)\n    \
                      os.write(outer, b'x')\n    \
                      time.sleep(5)\n    \
                      os._exit(0)\n\
                  os.read(inner, 1)\n\
                  os.setpgid(0, child)\n\
                  print('moved')\n\
                  time.sleep(60)\n";
    let mut program = match start(&["python3", "-c", script]) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no python3");
            return;
        }
        started => started.unwrap(),
    };
    wait_for(&program, "moved\n");
    let begun = Instant::now();
    program.kill();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(program.wait(soon()).unwrap().is_some_and(|status| !status.success()));
}
