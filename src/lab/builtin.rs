//! The scenarios that the program contains, which are also files in `scenarios/`.

/// A scenario that the program contains.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// All of them.
pub(crate) const BUILTIN: &[Builtin] = &[
    Builtin { name: "flash-crowd", text: include_str!("../../scenarios/flash-crowd.toml") },
    Builtin { name: "churn", text: include_str!("../../scenarios/churn.toml") },
    Builtin { name: "slow-holder", text: include_str!("../../scenarios/slow-holder.toml") },
    Builtin {
        name: "dishonest-holder",
        text: include_str!("../../scenarios/dishonest-holder.toml"),
    },
    Builtin { name: "stopping-holder", text: include_str!("../../scenarios/stopping-holder.toml") },
    Builtin { name: "six-clients", text: include_str!("../../scenarios/six-clients.toml") },
    Builtin { name: "disconnected", text: include_str!("../../scenarios/disconnected.toml") },
];

/// The scenario with this name, with or without `.toml`.
pub(crate) fn builtin(name: &str) -> Option<Builtin> {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    BUILTIN.iter().copied().find(|builtin| builtin.name == name)
}
