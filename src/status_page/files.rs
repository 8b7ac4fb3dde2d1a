//! The files of the page. They are part of the program, and need nothing else.

use super::program::Parts;
use crate::http::{HttpStatus, Reply, Router};

const PAGE: &str = include_str!("files/page.html");
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Files that the pages of all programs have: path, media type, contents.
const FILES: [(&str, &str, &str); 7] = [
    ("/page.css", "text/css; charset=utf-8", include_str!("files/page.css")),
    ("/page.js", SCRIPT, include_str!("files/page.js")),
    ("/dom.js", SCRIPT, include_str!("files/dom.js")),
    ("/table.js", SCRIPT, include_str!("files/table.js")),
    ("/connection.js", SCRIPT, include_str!("files/connection.js")),
    ("/chart.js", SCRIPT, include_str!("files/chart.js")),
    ("/icon.svg", "image/svg+xml", include_str!("files/icon.svg")),
];

/// Where the page has the parts of a program, and its name.
const MAIN: &str = "<!-- main -->";
const NAME: &str = "<!-- name -->";

/// Adds the files of a program to a router.
pub(super) fn with_files(router: Router, name: &str, parts: Parts) -> Router {
    let page = PAGE.replace(MAIN, parts.main).replace(NAME, name);
    let router = FILES.into_iter().fold(router, |router, (path, kind, contents)| {
        router.get(path, move |_| Reply::new(HttpStatus::Ok, kind, contents))
    });
    router
        .get("/", move |_| Reply::new(HttpStatus::Ok, "text/html; charset=utf-8", &*page))
        .get("/program.js", move |_| Reply::new(HttpStatus::Ok, SCRIPT, parts.script))
}
