//! The records of a school system over HTTP: one piece of code for every kind, named in one list.
//!
//! `handlers` answers, `request` reads cursors and tags, `describe` writes the OpenAPI of exactly that.

mod describe;
mod examples;
mod handlers;
mod request;

pub use request::Tags;

use axum::{Router, routing};
use serde_json::json;

use super::State;
use super::document::Described;
use crate::domain::records::{
    Availability, BellSchedule, Calendar, Clearance, Course, District, Educator, Incumbent, License, Pin, Policy,
    School, Section, Service, ServiceLine, Student, Term, TimeOff, Together, Vacancy, Veto,
};
use crate::store::Entity;

/// Where the records live.
pub const ROOT: &str = "/api/v1";

/// A kind of record, by its address.
trait Resource: Entity {
    /// As in paths: kebab-case, plural where English has one.
    const PLURAL: &'static str;
}

macro_rules! resources {
    ($($kind:ident at $plural:literal;)+) => {
        $(impl Resource for $kind {
            const PLURAL: &'static str = $plural;
        })+
        /// Every kind of record.
        pub(super) fn routes() -> (Router<State>, Described) {
            let mut described = Described::default();
            let router = Router::new()$(.merge(resource::<$kind>(&mut described)))+;
            (router, described)
        }
        #[cfg(test)]
        fn for_every_kind() {
            $(tests::example_passes::<$kind>();)+
        }
    };
}

resources! {
    Term at "terms";
    District at "districts";
    School at "schools";
    Calendar at "calendars";
    BellSchedule at "bell-schedules";
    Course at "courses";
    Vacancy at "vacancies";
    Section at "sections";
    Student at "students";
    ServiceLine at "service-lines";
    Service at "services";
    Policy at "policies";
    Educator at "educators";
    License at "licenses";
    Clearance at "clearances";
    Availability at "availability";
    TimeOff at "time-off";
    Pin at "pins";
    Veto at "vetoes";
    Together at "together";
    Incumbent at "incumbents";
}

fn resource<E: Resource>(described: &mut Described) -> Router<State> {
    let many = format!("{ROOT}/{}", E::PLURAL);
    let one = format!("{many}/{{id}}");
    let collection = json!({"get": describe::list::<E>(), "post": describe::create::<E>()});
    let record =
        json!({"get": describe::read::<E>(), "put": describe::replace::<E>(), "delete": describe::delete::<E>()});
    described.paths.extend([(many.clone(), collection), (one.clone(), record)]);
    described.schemas.extend(describe::schemas::<E>());
    Router::new()
        .route(&many, routing::get(handlers::list::<E>).post(handlers::create::<E>))
        .route(&one, routing::get(handlers::read::<E>).put(handlers::replace::<E>).delete(handlers::delete::<E>))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn example_passes<E: Resource>() {
        let example = examples::of::<E>();
        let body: E = serde_json::from_value(example).unwrap_or_else(|error| panic!("{}: {error}", E::KIND));
        assert_eq!(body.check(), [], "{}", E::KIND);
    }

    #[test]
    fn every_example_passes_the_checks_of_its_kind() {
        for_every_kind();
    }
}
