//! The options of features that this build lacks. It has them so that it can say what they need.

/// What the option of this key needs, if this build lacks it.
pub(super) fn needed(key: &str) -> Option<&'static str> {
    match key {
        "announce" | "discover" | "lan" if cfg!(not(feature = "lan")) => Some(
            "a program with discovery on the local network: the packages have it, and \
             `cargo install --path . --features lan` builds it",
        ),
        "dht" | "bootstrap" | "public_dht" if cfg!(not(feature = "dht")) => Some(
            "a program with a distributed hash table: the packages have it, and \
             `cargo install --path . --features dht` builds it",
        ),
        _ => None,
    }
}
