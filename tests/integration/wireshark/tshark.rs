//! tshark with the dissector of this source.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::skip;

/// How often Wireshark reads a capture. In the second pass a request names the frame of its response.
pub(crate) const PASSES: [&[&str]; 2] = [&[], &["-2"]];

/// tshark with a home directory of its own.
pub(crate) struct Tshark {
    home: tempfile::TempDir,
}

/// The dissector.
pub(crate) fn dissector() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wireshark/p2pci.lua")
}

/// The values of each field, in the order of the capture. Empty values are left out.
pub(crate) type Found = BTreeMap<String, Vec<String>>;

/// The names of all fields, as the dissector declares them.
pub(crate) fn all_fields() -> Vec<String> {
    let source = include_str!("../../../wireshark/p2pci.lua");
    let rows = source.lines().filter_map(|line| line.strip_prefix("field(\""));
    rows.map(|row| format!("p2pci.{}", row.split('"').next().unwrap())).collect()
}

/// Whether a program can be started.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("-v").output().is_ok()
}

impl Tshark {
    /// tshark, or nothing and a message if it is not installed.
    pub(crate) fn find() -> Option<Self> {
        if !is_installed("tshark") {
            skip("tshark is not installed");
            return None;
        }
        Some(Self { home: tempfile::tempdir().unwrap() })
    }

    /// A directory for captures.
    pub(crate) fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Runs tshark with the dissector. Nothing that it prints may be an error of Lua.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, capture: &Path, arguments: &[S]) -> String {
        let mut script = std::ffi::OsString::from("lua_script:");
        script.push(dissector());
        let mut command = Command::new("tshark");
        command.arg("-X").arg(script).arg("-r").arg(capture).args(arguments);
        output(command.env("HOME", self.home.path()).env("LC_ALL", "C.UTF-8"))
    }

    /// The values of fields in the frames that match a filter: a row per frame, several values of a field
    /// separated by `|`.
    pub(crate) fn fields(
        &self,
        capture: &Path,
        passes: &[&str],
        filter: &str,
        fields: &[&str],
    ) -> Vec<Vec<String>> {
        let format = ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=|", "-Y", filter];
        let fields: Vec<&str> = fields.iter().flat_map(|field| ["-e", field]).collect();
        let text = self.run(capture, &[passes, &format, &fields].concat());
        text.lines().map(|line| line.split('\t').map(str::to_string).collect()).collect()
    }

    /// All values of all fields of the dissector.
    pub(crate) fn found(&self, capture: &Path, passes: &[&str]) -> Found {
        let names = all_fields();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = self.fields(capture, passes, "p2pci", &names);
        let mut found = Found::new();
        for (at, name) in names.iter().enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(at)).flat_map(|cell| cell.split('|'));
            let values: Vec<String> =
                cells.filter(|value| !value.is_empty()).map(str::to_string).collect();
            found.insert((*name).into(), values);
        }
        found
    }

    /// The whole tree of all frames.
    pub(crate) fn tree(&self, capture: &Path, passes: &[&str]) -> String {
        self.run(capture, &[passes, &["-V"]].concat())
    }
}

/// Runs a command that must succeed without an error of Lua.
pub(crate) fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {errors}");
    for output in [&text, &errors] {
        let error = output.lines().find(|line| line.contains("Lua Error") || line.contains("Lua:"));
        assert_eq!(error, None, "{command:?}");
    }
    text.into_owned()
}
