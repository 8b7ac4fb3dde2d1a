//! What is isolated.

/// What a program is isolated from. Limits of one process always apply.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Isolation {
    /// It has a network with only loopback, and sees and signals only its own processes.
    pub(crate) namespaces: bool,
    /// It can write only to its private files.
    pub(crate) files: bool,
    /// The memory of all its processes together is limited.
    pub(crate) memory: bool,
    /// It runs as another user.
    pub(crate) user: bool,
}

impl Isolation {
    const NAMES: [&'static str; 4] = ["namespaces", "files", "memory", "user"];

    fn parts(self) -> [bool; 4] {
        [self.namespaces, self.files, self.memory, self.user]
    }

    /// Each kind, and whether it is isolated.
    pub(crate) fn kinds(self) -> impl Iterator<Item = (&'static str, bool)> {
        Self::NAMES.into_iter().zip(self.parts())
    }

    /// The kinds that are isolated, joined with commas.
    pub(crate) fn to_words(self) -> String {
        let kinds = self.kinds().filter(|(_, is_isolated)| *is_isolated);
        kinds.map(|(name, _)| name).collect::<Vec<_>>().join(",")
    }

    /// The opposite of [`Self::to_words`]. Unknown words are ignored.
    pub(crate) fn from_words(words: &str) -> Self {
        let [namespaces, files, memory, user] =
            Self::NAMES.map(|name| words.split(',').any(|word| word == name));
        Self { namespaces, files, memory, user }
    }

    /// For people: what is missing.
    pub(crate) fn statement(self) -> String {
        if !self.namespaces {
            let files = if self.user { "" } else { ", files" };
            return format!("none: network, processes{files} shared");
        }
        let mut missing = Vec::new();
        if !self.files {
            missing.push("other files can be written");
        }
        if !self.memory {
            missing.push("memory limited per process only");
        }
        if missing.is_empty() { "full".into() } else { format!("partial: {}", missing.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_statements() {
        let full = Isolation { namespaces: true, files: true, memory: true, user: false };
        assert_eq!(
            (full.to_words().as_str(), full.statement().as_str()),
            ("namespaces,files,memory", "full")
        );
        let less = Isolation { files: false, memory: false, ..full };
        for isolation in [full, less, Isolation::default()] {
            assert_eq!(Isolation::from_words(&isolation.to_words()), isolation);
        }
        assert!(less.statement().starts_with("partial: other files"));
        assert!(Isolation::default().statement().starts_with("none: "));
    }
}
