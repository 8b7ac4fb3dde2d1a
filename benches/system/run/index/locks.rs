//! How long threads wait for the lock of an index, in this process: as if there were as many
//! processors as threads that want it at once.

use std::io;
use std::str::FromStr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use p2p_ci::index::{Attributes, Owner, Position, Query};
use p2p_ci::protocol::{Content, Date, Document, Endpoint, Record, SyntaxError, Title};
use p2p_ci::server::SharedIndex;

use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::probe::millis;
use crate::run::samples::{Latencies, Random};

const SECTION: &str = "index, many at once";
const THREADS: usize = 64;
const NUMBERS: u32 = 1000;
const HOLDERS: u64 = 8;

/// The waits of threads that look up, and of those with some that add among them.
pub(crate) fn locks(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    for (what, adding) in [("all look up", 0), ("an eighth of them add", THREADS / 8)] {
        let waits = Contended::new()?.waits(adding, setting)?;
        let work = format!("{THREADS} threads at the lock, {what}");
        let rate = waits.len() as f64 / setting.time.as_secs_f64();
        findings.figure(SECTION, format!("{work}: taken"), &[rate], "times/s");
        let waits = Latencies::of(waits);
        for percent in [50.0, 99.0, 99.9] {
            let micros = millis(waits.percentile(percent)) * 1e3;
            findings.figure(SECTION, format!("… p{percent} of the waits"), &[micros], "µs");
        }
    }
    Ok(())
}

/// An index, and what is asked of it.
struct Contended {
    index: SharedIndex,
    documents: Vec<Document>,
    title: Title,
}

impl Contended {
    fn new() -> io::Result<Self> {
        let number = |number: u32| parse(&number.to_string()).map(Document::Rfc);
        let contended = Self {
            index: SharedIndex::default(),
            documents: (1..=NUMBERS).map(number).collect::<io::Result<_>>()?,
            title: parse("A Title of the Usual Length for an RFC")?,
        };
        for owner in 0..HOLDERS {
            let holder = parse(&format!("peer-{owner}:5678"))?;
            for document in &contended.documents {
                contended.add(Owner(owner), &holder, document);
            }
        }
        Ok(contended)
    }

    /// What all threads have waited, of whom so many add.
    fn waits(&self, adding: usize, setting: &Setting) -> io::Result<Vec<Duration>> {
        let begin = &Barrier::new(THREADS);
        let work = move |number: usize| -> io::Result<Vec<Duration>> {
            let mut random = Random::new(setting.seed + number as u64);
            let (owner, holder) = (Owner(HOLDERS + number as u64), parse("another:5678")?);
            let mut waits = Vec::new();
            begin.wait();
            let deadline = Instant::now() + setting.time;
            while Instant::now() < deadline {
                let document = &self.documents[random.below(self.documents.len())];
                waits.push(match number < adding {
                    true => self.add(owner, &holder, document),
                    false => self.look_up(document),
                });
                // A session yields between two requests, too.
                thread::yield_now();
            }
            Ok(waits)
        };
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
            let mut all = Vec::new();
            for thread in threads {
                all.extend(thread.join().map_err(|_| io::Error::other("a panic"))??);
            }
            Ok(all)
        })
    }

    fn add(&self, owner: Owner, holder: &Endpoint, document: &Document) -> Duration {
        let record = Record {
            document: document.clone(),
            title: self.title.clone(),
            holder: holder.clone(),
        };
        let attributes = Attributes {
            content: Content::default(),
            added: Date::clamped(UNIX_EPOCH),
            address: None,
        };
        let begun = Instant::now();
        let mut index = self.index.write();
        let wait = begun.elapsed();
        // There are far fewer records than the limit.
        let _ = index.add(owner, record, attributes);
        wait
    }

    fn look_up(&self, document: &Document) -> Duration {
        let query = Query::Document(document.clone());
        let begun = Instant::now();
        let index = self.index.read();
        let wait = begun.elapsed();
        index.visit(&query, &mut Position::default(), |shown| {
            std::hint::black_box(shown);
            true
        });
        wait
    }
}

fn parse<T: FromStr<Err = SyntaxError>>(text: &str) -> io::Result<T> {
    text.parse().map_err(|error: SyntaxError| io::Error::other(error.to_string()))
}
