//! The records that the database keeps, one struct each: what a client writes, and nothing else.

mod choice;
mod line;
mod need;
mod people;
mod place;

pub use choice::{Incumbent, Pin, Together, Veto};
pub use line::{Policy, ServiceLine};
pub use need::{Section, Service, Student, Vacancy, VacancyStatus};
pub use people::{Availability, Clearance, Educator, License, TimeOff};
pub use place::{BellSchedule, Calendar, Course, District, School, Term};

/// A billion: no sum of a schedule's cents can overflow below it.
const CENTS: std::ops::RangeInclusive<i64> = 0..=1_000_000_000;
