//! Every fault of form in a JSON document, each mended so that reading can go on.
//!
//! The document is held against tables of what may stand where; what may not is told, with its place, and replaced by
//! something harmless.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::tables::{Field, Shape};
use crate::domain::license::Grade;
use crate::domain::time::{Clock, Date, Tz, Weekday};
use crate::engine::rule::{Flaw, Issue};

/// A document with its faults taken out, and what they were.
pub struct Mended {
    pub value: Value,
    pub issues: Vec<Issue>,
}

/// Parse and mend. Only text that is not JSON at all is an error.
pub fn mend(bytes: &[u8], shape: &Shape) -> Result<Mended, Issue> {
    let mut issues = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let tree = Tree { at: &Place::Top, issues: &mut issues };
    let parsed = tree.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let mut value = parsed.map_err(|error| Issue::new(Flaw::Json, "", error.to_string()))?;
    inspect(&mut value, shape, &Place::Top, &mut issues);
    Ok(Mended { value, issues })
}

/// A place in the document: most are never told, so they are written out only when one is.
enum Place<'p> {
    Top,
    Field(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

/// As a pointer (RFC 6901), where `/` and `~` of a name are escaped.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(outer, name) => write!(f, "{outer}/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Item(outer, n) => write!(f, "{outer}/{n}"),
        }
    }
}

fn inspect(value: &mut Value, shape: &Shape, at: &Place<'_>, issues: &mut Vec<Issue>) {
    match (shape, &mut *value) {
        (Shape::Record { fields, open }, Value::Object(members)) => {
            inspect_record(members, fields, *open, at, issues);
        }
        (Shape::List(inner), Value::Array(items)) => {
            for (n, item) in items.iter_mut().enumerate() {
                inspect(item, inner, &Place::Item(at, n), issues);
            }
        }
        (Shape::Map(key, inner), Value::Object(members)) => {
            members.retain(|name, member| {
                let at = Place::Field(at, name);
                let fault = key.fault(&Value::String(name.clone()));
                inspect(member, inner, &at, issues);
                if let Some((flaw, cause)) = &fault {
                    issues.push(Issue::new(*flaw, at.to_string(), cause.as_str()));
                }
                fault.is_none()
            });
        }
        (_, found) => {
            if let Some((flaw, cause)) = shape.fault(found) {
                issues.push(Issue::new(flaw, at.to_string(), cause));
                *value = shape.neutral();
            }
        }
    }
}

fn inspect_record(
    members: &mut Map<String, Value>,
    fields: &[Field],
    open: bool,
    at: &Place<'_>,
    issues: &mut Vec<Issue>,
) {
    if !open {
        members.retain(|name, _| {
            let known = fields.iter().any(|field| field.name == name);
            if !known {
                let cause = format!("there is no field {name:?} here");
                issues.push(Issue::new(Flaw::UnknownField, Place::Field(at, name).to_string(), cause));
            }
            known
        });
    }
    for field in fields {
        let at = Place::Field(at, field.name);
        match members.get_mut(field.name) {
            Some(Value::Null) if field.nullable => {}
            Some(member) => inspect(member, &field.shape, &at, issues),
            None if field.required => {
                let cause = format!("the field {:?} is missing", field.name);
                issues.push(Issue::new(Flaw::MissingField, at.to_string(), cause));
                members.insert(field.name.into(), field.shape.neutral());
            }
            None => {}
        }
    }
}

impl Shape {
    /// What is wrong with a value that should have this shape (of lists and records: the outside only).
    fn fault(&self, value: &Value) -> Option<(Flaw, String)> {
        let wrong_type = || Some((Flaw::WrongType, format!("expected {}, found {}", self.noun(), Found(value))));
        let text = match (self, value) {
            (Self::Integer, Value::Number(number)) if number.is_i64() => return None,
            (Self::Week, Value::Number(number)) if number.as_u64().is_some_and(|week| week < 256) => return None,
            (Self::Integer | Self::Week | Self::List(_) | Self::Map(..) | Self::Record { .. }, _) => {
                return wrong_type();
            }
            (_, Value::String(text)) => text,
            _ => return wrong_type(),
        };
        if text.contains('\0') {
            return Some((Flaw::Nul, format!("{text:?} has a NUL character")));
        }
        match self {
            Self::First | Self::Last => text.parse::<Date>().err().map(|cause| (Flaw::BadDate, cause)),
            Self::Start | Self::End => text.parse::<Clock>().err().map(|cause| (Flaw::BadClock, cause)),
            Self::Weekday => text.parse::<Weekday>().err().map(|cause| (Flaw::BadWeekday, cause)),
            Self::Grade => text.parse::<Grade>().err().map(|cause| (Flaw::BadGrade, cause)),
            Self::Zone => {
                let unknown = |_| (Flaw::BadZone, format!("{text:?} is not a zone of the IANA database"));
                text.parse::<Tz>().err().map(unknown)
            }
            Self::Per => (!["week", "month", "cycle"].contains(&text.as_str()))
                .then(|| (Flaw::BadPer, format!("{text:?} is not week, month or cycle"))),
            _ => None,
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Week => "a small whole number",
            Self::List(_) => "a list",
            Self::Map(..) | Self::Record { .. } => "an object",
            _ => "a string",
        }
    }

    /// A value of this shape that gives as little further offence as can be.
    fn neutral(&self) -> Value {
        match self {
            Self::Text => "".into(),
            Self::Integer | Self::Week => 1.into(),
            Self::First => "1900-01-01".into(),
            Self::Last => "2099-12-31".into(),
            Self::Start => "00:00".into(),
            Self::End => "24:00".into(),
            Self::Zone => "UTC".into(),
            Self::Weekday => "mon".into(),
            Self::Grade => "PK".into(),
            Self::Per => "week".into(),
            Self::List(_) => Value::Array(Vec::new()),
            Self::Map(..) => Value::Object(Map::new()),
            Self::Record { fields, .. } => {
                let required = fields.iter().filter(|field| field.required);
                required.map(|field| (field.name.to_owned(), field.shape.neutral())).collect::<Map<_, _>>().into()
            }
        }
    }
}

/// Names a value without repeating a long one.
struct Found<'v>(&'v Value);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(number) => write!(f, "the number {number}"),
            Value::String(_) => f.write_str("a string"),
            Value::Array(_) => f.write_str("a list"),
            Value::Object(_) => f.write_str("an object"),
        }
    }
}

/// Reads any JSON value, noting members that an object names twice (serde_json would keep the last in silence).
struct Tree<'i> {
    at: &'i Place<'i>,
    issues: &'i mut Vec<Issue>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let at = Place::Item(self.at, items.len());
            match from.next_element_seed(Tree { at: &at, issues: &mut *self.issues })? {
                Some(item) => items.push(item),
                None => return Ok(items.into()),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let at = Place::Field(self.at, &name);
            if members.contains_key(&name) {
                let cause = format!("the field {name:?} is given twice");
                self.issues.push(Issue::new(Flaw::DuplicateKey, at.to_string(), cause));
            }
            let value = from.next_value_seed(Tree { at: &at, issues: &mut *self.issues })?;
            members.insert(name, value);
        }
        Ok(members.into())
    }
}
