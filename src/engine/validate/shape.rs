//! Every fault of form in a JSON document, each mended so that reading can go on.
//!
//! The document is held against tables of what may stand where; what may not is told, with its place, and replaced by
//! something harmless.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
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

/// Whether a document has the shape, to the last field. It is not kept: that takes a fraction of the time of [`mend`], which
/// says what is wrong where something is.
pub fn is_sound(bytes: &[u8], shape: &Shape) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Sound { shape, nullable: false }.deserialize(&mut reader).and_then(|()| reader.end()).is_ok()
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
        self.fault_of_text(text)
    }

    /// The same of a text where a text should be.
    fn fault_of_text(&self, text: &str) -> Option<(Flaw, String)> {
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
            Self::Per => (!["week", "month", "cycle"].contains(&text))
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

/// Reads a value that should have a shape, and fails where it has not.
#[derive(Clone, Copy)]
struct Sound<'s> {
    shape: &'s Shape,
    nullable: bool,
}

impl<'de> DeserializeSeed<'de> for Sound<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sound<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape.noun())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.nullable.then_some(()).ok_or_else(|| E::custom("null"))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.shape.fault(&value.into()).map_or(Ok(()), |fault| Err(E::custom(fault.1)))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.shape.fault(&value.into()).map_or(Ok(()), |fault| Err(E::custom(fault.1)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let is_text = !matches!(
            self.shape,
            Shape::Integer | Shape::Week | Shape::List(_) | Shape::Map(..) | Shape::Record { .. }
        );
        let sound = is_text && self.shape.fault_of_text(text).is_none();
        sound.then_some(()).ok_or_else(|| E::custom("text"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        let Shape::List(inner) = self.shape else { return Err(A::Error::custom("list")) };
        while from.next_element_seed(Sound { shape: inner, nullable: false })?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        let mut seen: Vec<String> = Vec::new();
        match self.shape {
            Shape::Record { fields, open } => {
                let mut known = 0u64;
                while let Some(name) = from.next_key::<std::borrow::Cow<'de, str>>()? {
                    let Some(at) = fields.iter().position(|field| field.name == name) else {
                        if !open || seen.iter().any(|other| *other == name) {
                            return Err(A::Error::custom("field"));
                        }
                        seen.push(name.into_owned());
                        from.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    if known >> at & 1 == 1 {
                        return Err(A::Error::custom("twice"));
                    }
                    known |= 1 << at;
                    from.next_value_seed(Sound { shape: &fields[at].shape, nullable: fields[at].nullable })?;
                }
                let lacks = fields.iter().enumerate().any(|(at, field)| field.required && known >> at & 1 == 0);
                if lacks { Err(A::Error::custom("lacking")) } else { Ok(()) }
            }
            Shape::Map(key, inner) => {
                while let Some(name) = from.next_key::<String>()? {
                    if key.fault_of_text(&name).is_some() || seen.contains(&name) {
                        return Err(A::Error::custom("name"));
                    }
                    from.next_value_seed(Sound { shape: inner, nullable: false })?;
                    seen.push(name);
                }
                Ok(())
            }
            _ => Err(A::Error::custom("object")),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::validate::tables::{PAIRS, PROBLEM, SCHEDULE};

    /// A document with one value, wherever it is, replaced, left out or named otherwise: all that can be made so.
    fn spoiled(value: &Value, others: &[Value]) -> Vec<Value> {
        let mut found = others.to_vec();
        match value {
            Value::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    for other in spoiled(item, others) {
                        let mut items = items.clone();
                        items[n] = other;
                        found.push(items.into());
                    }
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let mut without = members.clone();
                    without.remove(name);
                    found.push(without.clone().into());
                    without.insert(format!("{name}0"), member.clone());
                    found.push(without.into());
                    for other in spoiled(member, others) {
                        let mut members = members.clone();
                        members.insert(name.clone(), other);
                        found.push(members.into());
                    }
                }
            }
            _ => {}
        }
        found
    }

    #[test]
    fn what_is_sound_has_nothing_to_mend() {
        let problem = include_bytes!("../../../solver_fixtures/h12.one-student-in-two-places.problem.json");
        let schedule = json!({
            "format": "staffing-schedule/1",
            "sections": [{"section": "a", "educator": "b"}],
            "services": [{"service": "c", "educator": "b", "sessions": [{"day": "mon", "start": "09:00", "weeks": [1]}]}],
            "report": {"status": "optimal"},
        });
        let others = [json!(null), json!(-1), json!(300), json!(1.5), json!(true), json!([]), json!({}), json!("\0")];
        let mut seen = [0; 2];
        for (document, shape) in [(serde_json::from_slice(problem).expect("JSON"), &PROBLEM), (schedule, &SCHEDULE)] {
            for document in spoiled(&document, &others).into_iter().chain([document]) {
                let bytes = document.to_string();
                let sound = is_sound(bytes.as_bytes(), shape);
                let issues = mend(bytes.as_bytes(), shape).expect("JSON").issues;
                assert_eq!(sound, issues.is_empty(), "{issues:?} of {bytes}");
                seen[usize::from(sound)] += 1;
            }
        }
        assert!(seen[0] > 1_000 && seen[1] > 10, "faulty and sound: {seen:?}");
        for text in
            [r#"[{"need": "a", "need": "a", "educator": "b"}]"#, r#"[{"need": "a", "educator": "b"}] x"#, "[", ""]
        {
            assert!(!is_sound(text.as_bytes(), &PAIRS), "{text}");
        }
        assert!(is_sound(br#"[{"need": "a", "educator": "b"}]"#, &PAIRS));
    }
}
