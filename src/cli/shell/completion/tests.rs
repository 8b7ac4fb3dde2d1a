//! Tests of completion without an index. `tests/integration/terminal` has those with one.

use super::*;

fn file(name: &str) -> Document {
    Document::File(crate::protocol::FileName::from_decoded(name).unwrap())
}

/// Completions with these files in the last list.
fn with_files(names: &[&str]) -> Completions {
    let listed = Listed::default();
    listed.begin(&Document::Rfc("793".parse().unwrap()));
    names.iter().for_each(|name| listed.add(&file(name)));
    Completions::new(None, listed, None)
}

/// Where the completed word begins, and the texts that may replace it.
fn complete(completions: &Completions, line: &str) -> (usize, Vec<String>) {
    let history = rustyline::history::DefaultHistory::new();
    let (start, found) = completions.complete(line, line.len(), &Context::new(&history)).unwrap();
    (start, found.into_iter().map(|pair| pair.replacement).collect())
}

#[test]
fn a_complete_word_is_followed_by_a_blank() {
    let completions = with_files(&["notes.txt"]);
    for (line, start, replacement) in [
        ("loo", 0, "lookup "),
        ("LOO", 0, "lookup "),
        ("lookup --p", 7, "--probe "),
        ("help sy", 5, "sync "),
        ("? sy", 2, "sync "),
        ("get not", 4, "notes.txt "),
        ("get Not", 4, "notes.txt "),
        ("get --force 5 not", 14, "notes.txt "),
        ("get rfc 7", 8, "793 "),
        ("get FILE n", 9, "notes.txt "),
        ("get \"not", 4, "\"notes.txt\" "),
    ] {
        let expected = (start, vec![replacement.to_string()]);
        assert_eq!(complete(&completions, line), expected, "{line}");
    }
}

#[test]
fn names_are_quoted_if_they_need_it() {
    let completions = with_files(&["Lecture 1.mp4", "Lecture 2.mp4", "it's", "42", "x\u{202e}y"]);
    for (line, replacements) in [
        ("get Lec", &["\"Lecture 1.mp4\" ", "\"Lecture 2.mp4\" "][..]),
        ("get lecture\\ 1", &["\"Lecture 1.mp4\" "]),
        ("get 'Lecture 2", &["'Lecture 2.mp4' "]),
        ("get it", &["\"it's\" "]),
        ("get FILE:4", &["FILE:42 "]),
        ("get x", &["x%E2%80%AEy "]),
        ("get 7", &["793 "]),
        ("get RFC ", &["793 "]),
        ("why l", &["\"Lecture 1.mp4\" ", "\"Lecture 2.mp4\" "]),
        ("get RFC Lec", &[]),
    ] {
        assert_eq!(complete(&completions, line).1, replacements, "{line}");
        // What is completed names the same document.
        for word in replacements {
            assert_eq!(shlex::split(word).map(|words| words.len()), Some(1), "{word}");
        }
    }
}

#[test]
fn no_quote_is_inserted_before_candidates_without_a_common_beginning() {
    let completions = with_files(&["a b.txt", "c.txt"]);
    let expected = ["793 ", "a b.txt ", "c.txt "].map(String::from).to_vec();
    assert_eq!(complete(&completions, "get "), (4, expected));
}

#[test]
fn a_complete_path_ends_its_word() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("my file.txt"), "text").unwrap();
    let completions = Completions::new(None, Listed::default(), None);
    let path = directory.path().to_str().unwrap();
    for (typed, end) in [
        (format!("add {}/my", path.replace(' ', "\\ ")), "my\\ file.txt "),
        (format!("add \"{path}/my"), "my file.txt\" "),
        (format!("add '{path}/my"), "my file.txt' "),
    ] {
        let found = complete(&completions, &typed).1;
        assert!(matches!(&found[..], [one] if one.ends_with(end)), "{typed}: {found:?}");
    }
}

#[test]
fn the_documents_of_the_last_list_are_completed() {
    let listed = Listed::default();
    let completions = Completions::new(None, listed.clone(), None);
    listed.begin(&file("old.txt"));
    listed.begin(&file("b.txt"));
    listed.add(&file("a.txt"));
    listed.add(&file("b.txt"));
    assert_eq!(complete(&completions, "get "), (4, vec!["a.txt ".into(), "b.txt ".into()]));
    // Only shared documents can be removed.
    assert_eq!(complete(&completions, "remove "), (7, Vec::new()));
}

#[test]
fn words_that_can_follow() {
    let completions = Completions::new(None, Listed::default(), None);
    let candidates = |earlier: &str, word: &str| {
        let words: Vec<String> = earlier.split_whitespace().map(String::from).collect();
        completions.candidates(&words, word)
    };
    let Candidates::Words(names) = candidates("", "") else { panic!("no names") };
    for name in ["sync", "verify", "why", "remove", "quit", "exit", "help", "get", "status"] {
        assert!(names.iter().any(|other| other == name), "{name} in {names:?}");
    }
    let Candidates::Words(described) = candidates("help", "") else { panic!("no names") };
    assert!(described.starts_with(&names), "{described:?}");
    assert!(described.iter().any(|name| name == "exit-codes"), "{described:?}");
    let Candidates::Words(options) = candidates("list", "-") else { panic!("no options") };
    assert!(["--files", "--help"].iter().all(|name| options.iter().any(|option| option == name)));
    let nothing = || Candidates::Words(Vec::new());
    let documents = |kind| Candidates::Documents { is_local: false, kind };
    for (earlier, word, expected) in [
        ("get", "", documents(None)),
        ("get RFC", "", documents(Some("RFC"))),
        ("get 5 FILE", "", documents(Some("FILE"))),
        ("get 5 --out", "", Candidates::Paths),
        ("get --digests", "a", Candidates::Paths),
        ("get --force", "", documents(None)),
        ("get --from", "", Candidates::Peers),
        ("browse", "", Candidates::Peers),
        ("browse h:1", "", nothing()),
        ("add", "", Candidates::Paths),
        ("remove", "", Candidates::Documents { is_local: true, kind: None }),
        ("why", "", documents(None)),
        ("lookup", "", documents(None)),
        ("lookup 5", "", nothing()),
        ("lookup RFC 5", "", nothing()),
        ("peers", "", nothing()),
        ("unknown", "", nothing()),
        ("help get", "", nothing()),
    ] {
        assert_eq!(candidates(earlier, word), expected, "{earlier:?} {word:?}");
    }
}
