//! Reading pages, and the programs in them.

use std::fs;

use super::file;

/// The pages whose blocks are tested.
pub(super) const PAGES: [&str; 8] = [
    "tutorial",
    "shared-library",
    "mistakes",
    "write-a-client",
    "write-a-server",
    "dialects",
    "exercises",
    "lessons",
];

/// A block of text between fences.
#[derive(Debug)]
pub(super) struct Block {
    /// What follows the opening fence.
    pub(super) kind: String,
    pub(super) lines: Vec<String>,
    /// The number of the line of the opening fence.
    pub(super) begins: usize,
}

pub(super) fn text(page: &str) -> String {
    fs::read_to_string(file(&format!("docs/{page}.md"))).unwrap()
}

pub(super) fn blocks(page: &str) -> Vec<Block> {
    blocks_in(&text(page))
}

pub(super) fn blocks_in(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (number, line) in (1..).zip(text.lines()) {
        match line.strip_prefix("```") {
            Some(kind) if !is_open => {
                blocks.push(Block { kind: kind.into(), lines: Vec::new(), begins: number });
                is_open = true;
            }
            Some(_) => is_open = false,
            None if is_open => blocks.last_mut().unwrap().lines.push(line.into()),
            None => {}
        }
    }
    assert!(!is_open, "a block without an end:\n{text}");
    blocks
}

#[test]
fn the_blocks_of_a_page_are_its_program() {
    for (page, program) in [("write-a-client", "client.py"), ("write-a-server", "server.py")] {
        let program = fs::read_to_string(file(&format!("examples/python/{program}"))).unwrap();
        let blocks = blocks(page).into_iter().filter(|block| block.kind == "python");
        let shown: Vec<String> = blocks.flat_map(|block| block.lines).collect();
        let is_text = |line: &&str| !line.trim().is_empty();
        let program: Vec<&str> = program.lines().filter(is_text).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).filter(is_text).collect();
        assert_eq!(shown, program, "docs/{page}.md");
    }
    let client = fs::read_to_string(file("examples/python/client.py")).unwrap();
    assert!(client.lines().count() <= 100);
    assert!(text("write-a-client").contains(&format!("It has {} lines", client.lines().count())));
}

/// The names of all pages in `docs`, without `.md`.
fn all_pages() -> Vec<String> {
    let files = fs::read_dir(file("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = files.filter_map(|name| {
        name.to_str().and_then(|name| name.strip_suffix(".md")).map(String::from)
    });
    names.collect()
}

/// The targets of the links of a page that lead to files.
fn links(page: &str) -> Vec<String> {
    let text = text(page);
    let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_string());
    links.filter(|link| !link.contains("://")).collect()
}

#[test]
fn the_table_of_contents_names_each_page_once() {
    let mut listed = links("SUMMARY");
    listed.sort();
    let mut pages = all_pages();
    pages.retain(|page| page != "SUMMARY");
    let mut pages: Vec<String> = pages.into_iter().map(|page| page + ".md").collect();
    pages.sort();
    assert_eq!(listed, pages);
}

#[test]
fn links_lead_to_files_and_headings() {
    for page in all_pages() {
        for link in links(&page) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let path = if path.is_empty() { format!("{page}.md") } else { path.into() };
            let target = file("docs").join(&path);
            assert!(target.exists(), "docs/{page}.md links to {path}");
            if !heading.is_empty() {
                let slug = |line: &str| {
                    let line = line.trim_start_matches('#').trim().to_lowercase();
                    let kept = line.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                    kept.collect::<String>().replace(' ', "-")
                };
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(slug);
                assert!(headings.any(|found| found == heading), "docs/{page}.md: {link}");
            }
        }
    }
}
