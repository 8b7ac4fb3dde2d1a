//! The manual pages of the configuration files, p2p-ci-server.toml(5) and p2p-ci-peer.toml(5).

use std::fmt::Write;

use super::keys::Key;
use super::programs::Program;
use super::tables::OF_PEER;
use super::template::{described, example};

/// The name of the page, which is also that of its file without `.5`.
pub(in crate::cli) fn page_name(program: Program) -> String {
    format!("p2p-ci-{}.toml", program.name())
}

/// The page in the language of man(7).
pub(in crate::cli) fn page(program: Program, keys: &[Key]) -> String {
    let (name, file) = (program.name(), program.default_file_shown());
    let title = page_name(program);
    let mut page = String::new();
    let mut put = |text: &str| page.push_str(text);
    put(&format!(".TH {} 5 \"\" \"p2p\\-ci\" \"File formats\"\n", roff(&title)));
    put(&format!(".SH NAME\n{} \\- configuration of p2p\\-ci {name}\n", roff(&title)));
    put(&format!(".SH SYNOPSIS\n.I {}\n", roff(file)));
    put(&format!(
        ".SH DESCRIPTION\nThe file is in TOML. It has the options of\n.BR p2p\\-ci\\-{name} (1)\nas keys. An option \
         on the command line has priority over a variable in the environment, a variable over the file, and the \
         file over the default. The value of a variable is that of the option; an empty variable counts as not \
         set, values of an option that may be given several times are separated by commas, and an option without \
         a value is true or false. A flag that the file sets is unset by its option with\n.B \\-\\-no\\-\nbefore \
         its name.\n.PP\n.B \\-\\-config\n.I FILE\nor the variable\n.B P2P_CI_CONFIG\nnames another file, which \
         must exist.\n.I /dev/null\nis an empty one. An unknown key, or a wrong value, is an error with its line: \
         the program does not start (exit code 78).\n.PP\nSIGHUP to a program without a terminal, as by\n.BR \
         \"systemctl reload\" ,\nreads the file again. Limits, lists of networks, rates and the log change while \
         the program runs; the log names other changes, which need a restart. If the file has a mistake, nothing \
         changes, and the log has the mistake.\n"
    ));
    put(".SH KEYS\n");
    for key in keys {
        let form = format!("{} = {}", key.name, example(program, key));
        let option = key.option.clone().unwrap_or_else(|| key.placeholder.clone());
        put(&format!(
            ".TP\n.B {}\n{}.\nOption\n.BR {} ,\nvariable\n.BR {} .\n",
            roff(&form),
            text(&described(key)),
            roff(&option),
            roff(&key.variable)
        ));
    }
    for table in OF_PEER.iter().filter(|_| program == Program::Peer) {
        put(&format!(".TP\n.B [[{}]]\n{}\n", roff(table.name), text(table.about)));
        for (name, example, about) in table.keys {
            put(&format!(
                ".RS\n.TP\n.B {} = {}\n{}.\n.RE\n",
                roff(name),
                roff(example),
                text(about)
            ));
        }
    }
    put(&format!(
        ".SH EXAMPLE\n.nf\n{}\n.fi\n",
        match program {
            Program::Server => {
                "listen = [\"0.0.0.0:7734\"]\nmax_memory = \"2G\"\nconnections_per_address = 32\nallow = \
                 [\"192.0.2.0/24\", \"2001:db8::/32\"]\ndeny = [\"192.0.2.66\"]"
            }
            Program::Peer => {
                "server = \"index.example.org\"\nupload_limit = \"2M\"\n\n[[share]]\npath = \
                 \"/srv/papers\"\n\n[[share]]\npath = \"/usr/share/doc/RFC\"\nrecursive = \
                 true\n\n[[upload.limit]]\nnetwork = \"198.51.100.0/24\"\nrate = \"500k\""
            }
        }
    ));
    let _ = write!(page, ".SH SEE ALSO\n.BR p2p\\-ci\\-{name} (1),\n.BR p2p\\-ci\\-config (1)\n");
    page
}

/// A word or several in which no character has a meaning for roff.
fn roff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('"', "\\(dq")
}

/// A text that begins a line.
fn text(text: &str) -> String {
    let text = roff(text);
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}
