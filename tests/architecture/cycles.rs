//! Import cycles between the files of one module: there are none.

use std::collections::{BTreeMap, BTreeSet};

use super::root;
use super::source::{ModulePath, Source};

type Graph = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

/// Which files of the same module each file imports from.
fn imports(source: &Source) -> Graph {
    let mut graph = Graph::new();
    for (path, module) in &source.0 {
        let definitions = module.names.iter().filter_map(|name| source.definition(name));
        let own = definitions.filter(|other| other != path && other.first() == path.first());
        graph.insert(path.clone(), own.collect());
    }
    graph
}

fn is_reachable(graph: &Graph, from: &ModulePath, to: &ModulePath) -> bool {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(path) = waiting.pop() {
        if path == to {
            return true;
        }
        if seen.insert(path) {
            waiting.extend(graph.get(path).into_iter().flatten());
        }
    }
    false
}

/// All imports that are part of a cycle.
fn in_cycles(graph: &Graph) -> BTreeSet<String> {
    let imports = graph.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let in_cycle = imports.filter(|(from, to)| is_reachable(graph, to, from));
    in_cycle.map(|(from, to)| format!("{} imports {}", from.join("::"), to.join("::"))).collect()
}

#[test]
fn modules_have_no_import_cycles() {
    assert_eq!(in_cycles(&imports(&Source::read(root()))), BTreeSet::new());
}

#[test]
fn a_cycle_is_found() {
    let path = |name: &str| vec![name.to_string()];
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry(path(from)).or_default().insert(path(to));
        }
        graph
    };
    let two = graph(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]);
    assert_eq!(in_cycles(&two), BTreeSet::from(["b imports c".into(), "c imports b".into()]));
    assert_eq!(in_cycles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), BTreeSet::new());
}
