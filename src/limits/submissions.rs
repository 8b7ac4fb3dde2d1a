//! Limits of the programs that `p2p-ci check --class` starts. They are untrusted.

use std::time::Duration;

/// Memory that one process may have allocated, so that a faulty one fails and not the machine.
pub const PROGRAM_MEMORY: u64 = 1024 * 1024 * 1024;
/// Address space of one process. A runtime such as that of Java or Go reserves much more than it uses.
pub const PROGRAM_ADDRESSES: u64 = 32 * 1024 * 1024 * 1024;
/// Resident memory of all processes of a submission together.
pub const SUBMISSION_MEMORY: u64 = 2 * 1024 * 1024 * 1024;
/// Processes and threads of a submission, against fork bombs. A runtime starts tens of threads.
pub const PROGRAM_PROCESSES: u64 = 256;
/// Processor time of one process.
pub const PROGRAM_CPU: Duration = Duration::from_secs(60);
/// Size of one file that a program writes.
pub const PROGRAM_FILE: u64 = 64 * 1024 * 1024;
/// Files and connections that one process may have open.
pub const PROGRAM_OPEN_FILES: u64 = 512;
/// Bytes of all files of a submission together, with those that it came with.
pub const SUBMISSION_FILES: u64 = 256 * 1024 * 1024;
/// The number of those files and directories.
pub const SUBMISSION_FILE_COUNT: u64 = 20_000;
/// Directories in directories.
pub const SUBMISSION_DEPTH: usize = 32;
/// Output of a submission, after which it is ended.
pub const SUBMISSION_OUTPUT: u64 = 8 * 1024 * 1024;
/// Time until a program listens.
pub const PROGRAM_START: Duration = Duration::from_secs(10);
/// Time for all cases of a submission. Those that have not run then have failed.
pub const SUBMISSION_TIME: Duration = Duration::from_secs(180);
/// How often a program that has ended or does not reply any more is started again.
pub const PROGRAM_RESTARTS: usize = 3;
/// Cases without a reply, one after the other, after which a program is started again.
pub const SILENT_CASES: usize = 3;
/// Interval at which the memory and processor time of a submission are read.
pub const SUBMISSION_WATCH: Duration = Duration::from_millis(100);
/// Time for processes that were killed to be gone.
pub const KILLING: Duration = Duration::from_secs(5);
/// Bytes of the result of a submission: this program writes it, next to an untrusted one.
pub const SUBMISSION_RESULT: u64 = 16 * 1024 * 1024;
/// Bytes of the file `start` of a submission.
pub const START_FILE: u64 = 4096;
