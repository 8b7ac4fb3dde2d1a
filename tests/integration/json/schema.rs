//! The schemas in docs/json.md: a section for each command, with tables of members and examples.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

/// The objects of one table.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    members: Vec<Member>,
    pub(crate) examples: Vec<String>,
}

#[derive(Debug)]
struct Member {
    name: String,
    kind: String,
    is_optional: bool,
}

/// A section of the document.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) schemas: Vec<Schema>,
}

/// All sections with schemas.
pub(crate) fn sections() -> Vec<Section> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = fs::read_to_string(path).unwrap();
    let mut sections: Vec<Section> = Vec::new();
    let mut is_example = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.into(), schemas: Vec::new() });
        }
        let Some(section) = sections.last_mut() else { continue };
        match line {
            "| member | type | |" => section.schemas.push(Schema::default()),
            "```json" => is_example = true,
            "```" => is_example = false,
            _ => {}
        }
        let Some(schema) = section.schemas.last_mut() else { continue };
        if is_example && line.starts_with('{') {
            schema.examples.push(line.into());
        } else if line.starts_with("| `") {
            schema.members.extend(members(line));
        }
    }
    sections.retain(|section| !section.schemas.is_empty());
    sections
}

/// The members of a row. `document` stands for `rfc` or `file`.
fn members(row: &str) -> Vec<Member> {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [names, kind, text] = cells[..] else { panic!("{row}") };
    let is_optional = text.starts_with("[optional]");
    let names = names.split(", ").map(|name| name.trim_matches('`'));
    names
        .flat_map(|name| match name {
            "document" => vec![("rfc", "number", true), ("file", "string", true)],
            _ => vec![(name, kind, is_optional)],
        })
        .map(|(name, kind, is_optional)| Member {
            name: name.into(),
            kind: kind.into(),
            is_optional,
        })
        .collect()
}

impl Schema {
    /// Why an object does not follow the schema.
    pub(crate) fn fault(&self, object: &Map<String, Value>) -> Option<String> {
        for member in &self.members {
            match object.get(&member.name) {
                None if member.is_optional => {}
                None => return Some(format!("`{}` is missing", member.name)),
                Some(value) if is_of_kind(value, &member.kind) => {}
                Some(value) => {
                    return Some(format!("`{}` is {value}, not {}", member.name, member.kind));
                }
            }
        }
        let is_documented = |name: &String| self.members.iter().any(|member| member.name == *name);
        let has_document = self.members.iter().any(|member| member.name == "rfc");
        if has_document && object.contains_key("rfc") == object.contains_key("file") {
            return Some("it has not one of `rfc` and `file`".into());
        }
        object
            .keys()
            .find(|name| !is_documented(name))
            .map(|name| format!("`{name}` is not documented"))
    }
}

fn is_of_kind(value: &Value, kind: &str) -> bool {
    let (kind, may_be_null) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
    match value {
        Value::Null => may_be_null,
        Value::Bool(_) => kind == "boolean",
        Value::Number(_) => kind == "number",
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

impl Section {
    /// Checks that an object follows one of the schemas, and returns its number.
    pub(crate) fn check(&self, line: &str) -> usize {
        let Ok(Value::Object(object)) = serde_json::from_str(line) else {
            panic!("{}: no object: {line}", self.title)
        };
        assert_eq!(object["v"], 1, "{line}");
        let faults: Vec<Option<String>> =
            self.schemas.iter().map(|schema| schema.fault(&object)).collect();
        faults
            .iter()
            .position(Option::is_none)
            .unwrap_or_else(|| panic!("{}: {faults:?} in {line}", self.title))
    }
}
