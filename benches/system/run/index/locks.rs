//! How long operations of an index take, in this process, when many threads want its lock at the same time.

use std::io;
use std::str::FromStr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use p2p_ci::index::{Attributes, Cursor, Index, Owner};
use p2p_ci::protocol::{Content, Date, Document, Endpoint, Record, SyntaxError, Title};

use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::probe::millis;
use crate::run::samples::{Latencies, Random};

const SECTION: &str = "index, many at once";
const THREADS: usize = 64;
const NUMBERS: u32 = 1000;
const HOLDERS: u64 = 8;

/// The times of threads that look up, alone and together with some that add.
pub(crate) fn locks(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    for (what, adding) in [("all look up", 0), ("an eighth of them add", THREADS / 8)] {
        let times = Contended::new()?.times(adding, setting)?;
        let work = format!("{THREADS} threads in the index, {what}");
        let rate = times.len() as f64 / setting.time.as_secs_f64();
        findings.figure(SECTION, format!("{work}: operations"), &[rate], "operations/s");
        let times = Latencies::of(times);
        for percent in [50.0, 99.0, 99.9] {
            let micros = millis(times.percentile(percent)) * 1e3;
            findings.figure(SECTION, format!("… p{percent} of the operations"), &[micros], "µs");
        }
    }
    Ok(())
}

/// An index, and what is asked of it.
struct Contended {
    index: Index,
    documents: Vec<Document>,
    title: Title,
}

impl Contended {
    fn new() -> io::Result<Self> {
        let number = |number: u32| parse(&number.to_string()).map(Document::Rfc);
        let contended = Self {
            index: Index::default(),
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

    /// How long each operation of all threads took. The first `adding` threads add records.
    fn times(&self, adding: usize, setting: &Setting) -> io::Result<Vec<Duration>> {
        let begin = &Barrier::new(THREADS);
        let work = move |number: usize| -> io::Result<Vec<Duration>> {
            let mut random = Random::new(setting.seed + number as u64);
            let (owner, holder) = (Owner(HOLDERS + number as u64), parse("another:5678")?);
            let mut times = Vec::new();
            begin.wait();
            let deadline = Instant::now() + setting.time;
            while Instant::now() < deadline {
                let document = &self.documents[random.below(self.documents.len())];
                times.push(match number < adding {
                    true => self.add(owner, &holder, document),
                    false => self.look_up(document),
                });
                // A session yields between two requests, too.
                thread::yield_now();
            }
            Ok(times)
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
        // There are far fewer records than the limit.
        let _ = self.index.add(owner, record, attributes);
        begun.elapsed()
    }

    fn look_up(&self, document: &Document) -> Duration {
        let mut cursor = Cursor::document(document.clone());
        let begun = Instant::now();
        self.index.page(&mut cursor, |view| {
            std::hint::black_box(view);
            true
        });
        begun.elapsed()
    }
}

fn parse<T: FromStr<Err = SyntaxError>>(text: &str) -> io::Result<T> {
    text.parse().map_err(|error: SyntaxError| io::Error::other(error.to_string()))
}
