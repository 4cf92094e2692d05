//! Ids: UUID version 7, one type for each kind of record, so that a school's id never passes for a section's.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Timestamp, Uuid};

use super::time;

/// Counts within a millisecond, so that ids made by this process sort in the order they were made.
static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A fresh UUID v7 of the present moment.
#[must_use]
pub fn fresh() -> Uuid {
    let now = time::now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(&COUNTER, seconds, now.timestamp_subsec_nanos()))
}

/// What every id type can do.
pub trait RecordId:
    Copy + Ord + Hash + fmt::Debug + fmt::Display + FromStr + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(self) -> Uuid;
    #[must_use]
    fn fresh() -> Self {
        Self::from_uuid(fresh())
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl RecordId for $name {
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            fn uuid(self) -> Uuid {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                text.parse().map(Self).map_err(|_| format!("{text:?} is not an id; ids are UUIDs"))
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                super::schema::text("uuid", "Time-ordered id (UUID v7).", None)
            }
        }
        impl utoipa::ToSchema for $name {}
    )+};
}

ids! {
    TermId; DistrictId; SchoolId; CalendarId; BellScheduleId; CourseId;
    VacancyId; SectionId; StudentId; ServiceId; ServiceLineId; PolicyId; LogId;
    EducatorId; LicenseId; ClearanceId; AvailabilityId; TimeOffId;
    PinId; VetoId; TogetherId; IncumbentId;
    RunId; ScheduleId; SessionId; FeedId;
    AccountId; InvitationId; LoginId; TokenId; PasskeyId; LinkId;
    MailId; AbsenceId; OfferId;
    /// A section or a service.
    NeedId;
}

impl From<SectionId> for NeedId {
    fn from(id: SectionId) -> Self {
        Self(id.0)
    }
}

impl From<ServiceId> for NeedId {
    fn from(id: ServiceId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_sort_in_the_order_they_were_made() {
        let ids: Vec<SectionId> = (0..10_000).map(|_| SectionId::fresh()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
