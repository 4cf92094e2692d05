//! How the words of the domain are described to readers of the OpenAPI document.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::license::Grade;
use super::time::{Clock, Date, Weekday};

/// A string with a format and perhaps a pattern.
pub(crate) fn text(format: &str, description: &str, pattern: Option<&str>) -> RefOr<Schema> {
    let format = match format {
        "uuid" => SchemaFormat::KnownFormat(KnownFormat::Uuid),
        "date" => SchemaFormat::KnownFormat(KnownFormat::Date),
        other => SchemaFormat::Custom(other.into()),
    };
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(format))
        .description(Some(description))
        .pattern(pattern)
        .into()
}

fn one_of<'n>(names: impl IntoIterator<Item = &'n str>, description: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).description(Some(description)).into()
}

macro_rules! describe {
    ($($name:ty => $schema:expr;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }
        impl ToSchema for $name {}
    )+};
}

describe! {
    Date => text("date", "A local calendar date.", Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"));
    Clock => text("clock", "Wall time HH:MM, from 00:00 to 24:00.", Some(r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"));
    Weekday => one_of(Weekday::ALL.map(Weekday::name), "A day of the week.");
    Grade => one_of(Grade::NAMES, "A grade level (CEDS entry grade level code).");
}
