//! The file of `--menu`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::{Error, shown};
use crate::check::Menu;
use crate::limits;

/// The text of a menu.
///
/// # Errors
/// When the file cannot be read, or is no menu.
pub(super) fn menu_text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file = File::open(path).map(|file| file.take(limits::START_FILE));
    file.and_then(|mut file| file.read_to_string(&mut text))
        .map_err(|error| Error::file("read", path, error))?;
    Menu::parse(&text).map_err(|mistake| Error::Menu { path: shown(path), mistake })?;
    Ok(text)
}
