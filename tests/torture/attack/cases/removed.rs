//! Memory after records were removed, and a server in a small address space (protocol.md
//! section 7).

use std::io;
use std::process::Command;

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, Program, command};
use crate::common::talk::{Talk, add, status};

/// One address adds a thousand descriptions of a document, removes all but one, and repeats that for
/// other documents. The budget of other networks stays free.
pub(super) fn removed(_: &Setting, report: &mut Report) -> io::Result<()> {
    const DESCRIPTIONS: u16 = 1000;
    const ADDED: u32 = 1500;
    let index = Index::with(&["--max-memory", "16MiB", "--log", "quiet"])?;
    let mut hostile = Talk::from(1282, index.address)?;
    for document in 1..=100 {
        let mut requests = String::new();
        for at in 1..=DESCRIPTIONS {
            requests.push_str(&add(document, "h", at, &format!("T{at}")));
        }
        for at in 1..DESCRIPTIONS {
            requests.push_str(&remove(document, at));
        }
        hostile.pipeline(requests.as_bytes(), usize::from(DESCRIPTIONS) * 2 - 1)?;
    }
    let honest = |index: &Index| -> io::Result<u32> {
        let (mut honest, mut taken) = (Talk::from(1283, index.address)?, 0);
        for number in 0..ADDED {
            let reply = honest.ask(add(500_000 + number, "h", 1, "An honest document"))?;
            taken += u32::from(status(&reply) == "200");
        }
        Ok(taken)
    };
    let taken = honest(&index)?;
    drop((hostile, index));
    let alone = honest(&Index::with(&["--max-memory", "16MiB", "--log", "quiet"])?)?;
    report.figure("records that another network adds of 1500", f64::from(taken), "");
    report.figure("without the hostile one", f64::from(alone), "");
    report.require("another network adds as many", taken == alone && alone > ADDED / 2);
    Ok(())
}

fn remove(document: u32, port: u16) -> String {
    format!("REMOVE RFC {document} P2P-CI/1.0\r\nHost: h\r\nPort: {port}\r\n\r\n")
}

/// A server in a small address space says that it is too small, or refuses records when it is full. It is
/// never aborted.
pub(super) fn address_space(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let sizes: &[usize] = setting
        .size(&[20_000, 40_000, 60_000, 80_000, 100_000, 200_000, 400_000], &[40_000, 60_000]);
    for size in sizes {
        report.figure("address space", *size as f64, "KiB");
        let script = format!("ulimit -v {size}; exec -a server \"$0\" \"$@\"");
        let mut server = Command::new("bash");
        server.args(["-c", &script]).arg(command("server")?.get_program());
        server.args(["--listen", "127.0.0.1:0", "--log", "quiet"]).env_remove("RUST_LOG");
        let mut program = Program::start(server)?;
        if *size < 53_248 {
            let status = program.wait()?;
            let is_explained = program.says("too little memory: address space");
            report
                .require("it says that it is too small", is_explained && status.code() == Some(1));
            continue;
        }
        let mut index = Index::of(program)?;
        let refused = fill(&index)?;
        report.require("it refuses by 503", refused);
        let is_up = Talk::from(1284, index.address)?.ask("LIST RFCS P2P-CI/1.0\r\n\r\n").is_ok();
        report.require("it stays up", is_up && index.program()?.usage().is_ok());
    }
    Ok(())
}

/// Fills an index from many addresses, with titles of many words.
fn fill(index: &Index) -> io::Result<bool> {
    let mut talks = (0..50)
        .map(|number| Talk::from(1300 + number, index.address))
        .collect::<io::Result<Vec<_>>>()?;
    let mut refused = 0;
    for round in 0..200u32 {
        for (peer, talk) in (0u32..).zip(&mut talks) {
            let record = |at: u32| {
                let number = (peer * 200 + round) * 50 + at;
                let word =
                    |at: u32| format!("{:07x}", (number * 60 + at).wrapping_mul(0x9e37_79b1) >> 4);
                let title: Vec<String> = (0..60).map(word).collect();
                add(number + 1, &format!("h{peer}"), 1, &title.join(" "))
            };
            talk.say((0..50).map(record).collect::<String>())?;
        }
        for talk in &mut talks {
            for _ in 0..50 {
                refused += usize::from(status(&talk.reply()?) == "503");
            }
        }
        if refused > 5000 {
            return Ok(true);
        }
    }
    Ok(refused > 0)
}
