//! The state of a file: the metadata that changes whenever the file changes (protocol.md section 5.5).

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Device, inode, length and times of a file. If all of them are equal, it is the same file with the
/// same bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct FileState {
    device: u64,
    inode: u64,
    length: u64,
    /// Nanoseconds since 1970.
    modified: i128,
    changed: i128,
    /// Whether the document is the unpacked content of the file.
    pub(super) packed: bool,
}

impl FileState {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        let time =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
            packed: false,
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        let time = |time: io::Result<SystemTime>| {
            let since = time.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
            i128::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i128::MAX)
        };
        Self {
            device: 0,
            inode: 0,
            length: metadata.len(),
            modified: time(metadata.modified()),
            changed: time(metadata.created()),
            packed: false,
        }
    }

    /// The length of the document; `None` if the file is packed.
    pub(super) fn document_length(&self) -> Option<u64> {
        (!self.packed).then_some(self.length)
    }

    /// Whether an open file is no longer in this state. A packed document is read from a copy, which
    /// never changes.
    pub(super) fn has_changed(&self, file: &File) -> io::Result<bool> {
        Ok(!self.packed && Self::of(&file.metadata()?) != *self)
    }

    /// Whether an open file is no longer in this state, also if it is packed.
    pub(super) fn is_another(&self, file: &File) -> io::Result<bool> {
        let now = Self { packed: self.packed, ..Self::of(&file.metadata()?) };
        Ok(now != *self)
    }

    /// Whether another state belongs to the same file with the same bytes. Only `ctime` may differ: it
    /// changes when the file is renamed.
    pub(super) fn is_same_content(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }

    /// Whether the times have no fractions of a second. Then the file system may not store any.
    pub(super) fn is_coarse(&self) -> bool {
        const SECOND: i128 = 1_000_000_000;
        self.modified % SECOND == 0 && self.changed % SECOND == 0
    }

    /// Whether a write to the file could leave its times unchanged: within a tick of the clock, or
    /// within two seconds on a file system without fractions of a second.
    pub(super) fn is_racy(&self, now: SystemTime) -> bool {
        const TICK: Duration = Duration::from_millis(20);
        const COARSE: Duration = Duration::from_millis(2100);
        let granularity = if self.is_coarse() { COARSE } else { TICK };
        is_within(self.modified.max(self.changed), granularity, now)
    }

    /// Whether the file was written to within this time before `now`. A time in the future is not.
    pub(super) fn was_modified_within(&self, time: Duration, now: SystemTime) -> bool {
        is_within(self.modified, time, now)
    }
}

/// Whether a time in nanoseconds since 1970 is at most this long before `now`.
fn is_within(time: i128, most: Duration, now: SystemTime) -> bool {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let age = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX).saturating_sub(time);
    let most = i128::try_from(most.as_nanos()).unwrap_or(i128::MAX);
    (0..most).contains(&age)
}

/// The form in the store of the digest cache.
impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, inode, length, modified, changed, packed } = self;
        let packed = u8::from(*packed);
        write!(f, "{device},{inode},{length},{modified},{changed},{packed}")
    }
}

impl FromStr for FileState {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        let mut parts = text.split(',');
        let mut state = || {
            Some(Self {
                device: parts.next()?.parse().ok()?,
                inode: parts.next()?.parse().ok()?,
                length: parts.next()?.parse().ok()?,
                modified: parts.next()?.parse().ok()?,
                changed: parts.next()?.parse().ok()?,
                packed: parts.next()? == "1",
            })
        };
        state().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_and_print() {
        let file = tempfile::tempfile().unwrap();
        let state = FileState::of(&file.metadata().unwrap());
        for packed in [false, true] {
            let state = FileState { packed, ..state };
            assert_eq!(state.to_string().parse::<FileState>().unwrap(), state);
        }
        assert!("1,2,3".parse::<FileState>().is_err());
    }

    #[test]
    fn a_file_is_fresh_for_a_while() {
        let file = tempfile::tempfile().unwrap();
        let modified = SystemTime::now();
        file.set_modified(modified).unwrap();
        let state = FileState::of(&file.metadata().unwrap());
        let second = Duration::from_secs(1);
        assert!(state.was_modified_within(second, modified + second / 2));
        assert!(!state.was_modified_within(second, modified + second));
        assert!(!state.was_modified_within(second, modified - second), "from the future");
    }

    /// Two writes within the granularity of the clock leave the same times.
    #[test]
    fn a_state_that_was_just_noted_may_belong_to_other_bytes_by_now() {
        let file = tempfile::tempfile().unwrap();
        let mut state = FileState::of(&file.metadata().unwrap());
        let at = |nanos: u64| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
        let second = 1_000_000_000;
        (state.modified, state.changed) = (5, i128::from(second) + 5);
        assert!(state.is_racy(at(second + 5)) && state.is_racy(at(second + 10_000_000)));
        assert!(!state.is_racy(at(second + 30_000_000)));
        (state.modified, state.changed) = (0, i128::from(second));
        assert!(state.is_racy(at(second)) && state.is_racy(at(3 * second)));
        assert!(!state.is_racy(at(3 * second + 200_000_000)));
    }
}
