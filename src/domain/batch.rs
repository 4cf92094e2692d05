//! Everything that one source says, as records under the ids they have or will have: what importers make
//! and the store keeps.

use std::collections::HashMap;

use uuid::Uuid;

use super::id::{self, RecordId};
use super::record::Record;
use super::records::{
    Availability, BellSchedule, Calendar, Clearance, Course, District, Educator, Incumbent, License, Pin, School,
    Section, Service, Student, Term, TimeOff, Together, Veto,
};

/// Records of one kind, in the order of the source.
pub type Rows<T> = Vec<(<T as Record>::Id, T)>;

/// In an order in which no record refers to a later one.
#[derive(Debug, Default)]
pub struct Batch {
    pub terms: Rows<Term>,
    pub districts: Rows<District>,
    pub schools: Rows<School>,
    pub bell_schedules: Rows<BellSchedule>,
    pub calendars: Rows<Calendar>,
    pub courses: Rows<Course>,
    pub sections: Rows<Section>,
    pub students: Rows<Student>,
    pub services: Rows<Service>,
    pub educators: Rows<Educator>,
    pub licenses: Rows<License>,
    pub clearances: Rows<Clearance>,
    pub availability: Rows<Availability>,
    pub time_off: Rows<TimeOff>,
    pub incumbents: Rows<Incumbent>,
    pub pins: Rows<Pin>,
    pub vetoes: Rows<Veto>,
    pub together: Rows<Together>,
}

/// The ids of a source's records: those it has already, and fresh ones for what is new.
#[derive(Debug, Default)]
pub struct Keys {
    ids: HashMap<(&'static str, String), Uuid>,
}

impl Keys {
    /// Makes known that a record of this kind exists.
    pub fn know(&mut self, kind: &'static str, source_id: String, id: Uuid) {
        self.ids.insert((kind, source_id), id);
    }

    /// The id of the record that the source calls `source_id`.
    pub fn id<T: Record>(&mut self, source_id: &str) -> T::Id {
        T::Id::from_uuid(*self.ids.entry((T::KIND, source_id.into())).or_insert_with(id::fresh))
    }
}
