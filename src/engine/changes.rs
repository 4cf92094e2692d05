//! What differs between two problems, said so that a person finds it: for a publication that came too late.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::problem::Problem;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// JSON pointer into the problem; rows are named by id.
    pub pointer: String,
    /// `added`, `removed` or `changed`.
    pub what: &'static str,
}

/// Every difference, in the order of the format.
#[must_use]
pub fn between(before: &Problem, after: &Problem) -> Vec<Change> {
    let (Ok(Json::Object(before)), Ok(Json::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
    fields.sort();
    fields.dedup();
    for field in fields {
        let empty = Json::Array(Vec::new());
        match (before.get(field).unwrap_or(&empty), after.get(field).unwrap_or(&empty)) {
            (Json::Array(old), Json::Array(new)) => rows(field, old, new, &mut changes),
            (old, new) if old != new => changes.push(Change { pointer: format!("/{field}"), what: "changed" }),
            _ => {}
        }
    }
    changes
}

fn rows(field: &str, old: &[Json], new: &[Json], changes: &mut Vec<Change>) {
    let (old, new) = (by_name(old), by_name(new));
    for (name, row) in &old {
        match new.get(name) {
            None => changes.push(Change { pointer: format!("/{field}/{name}"), what: "removed" }),
            Some(other) if other != row => {
                changes.push(Change { pointer: format!("/{field}/{name}"), what: "changed" });
            }
            Some(_) => {}
        }
    }
    let added = new.keys().filter(|name| !old.contains_key(*name));
    changes.extend(added.map(|name| Change { pointer: format!("/{field}/{name}"), what: "added" }));
}

/// Rows by id; those without one (incumbents, pins, vetoes) by their values.
fn by_name(rows: &[Json]) -> BTreeMap<String, &Json> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let name = |row: &Json| match (row.get("id"), row.as_object()) {
        (Some(id), _) => text(id),
        (None, Some(fields)) => fields.values().map(text).collect::<Vec<_>>().join(","),
        (None, None) => text(row),
    };
    rows.iter().map(|row| (name(row), row)).collect()
}
