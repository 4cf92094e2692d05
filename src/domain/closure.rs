//! Days that do not go as the calendar says: what becomes of sessions, and of the letters of a rotating cycle.

use super::calendar::{Calendar, DateSpan};
use super::log::MissReason;
use super::time::{Clock, Date};

/// What happened to a day of school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closure {
    /// Nobody is taught.
    Closed,
    /// Students learn at home: who teaches from afar teaches on.
    Remote,
    /// School ends early.
    EarlyRelease { at: Clock },
    /// School begins late.
    LateStart { at: Clock },
}

impl Closure {
    /// What a session from `starts` to `ends` is missed for, on such a day; none where it is held.
    #[must_use]
    pub fn misses(self, starts: Clock, ends: Clock) -> Option<MissReason> {
        match self {
            Self::Closed => Some(MissReason::Closure),
            Self::Remote => None,
            Self::EarlyRelease { at } => (ends > at).then_some(MissReason::SchoolActivity),
            Self::LateStart { at } => (starts < at).then_some(MissReason::SchoolActivity),
        }
    }
}

/// What an unplanned closure does to the letters of the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleRule {
    /// The day's letter moves on to the next day of school.
    Slide,
    /// The day's letter is lost.
    Skip,
}

/// The letter of each day of school in a span, once these days were closed that were to be days of school.
#[must_use]
pub fn cycle_days(calendar: &Calendar, closed: &[Date], rule: CycleRule, span: DateSpan) -> Vec<(Date, String)> {
    let planned = DateSpan { first: calendar.first, last: calendar.last };
    let open = |date: &Date| span.contains(*date) && !closed.contains(date);
    let letters = |calendar: &Calendar| -> Vec<(Date, String)> {
        let days = calendar.instructional_days(planned);
        days.iter().filter_map(|day| Some((day.date, day.cycle_day?.to_owned()))).collect()
    };
    let dealt = match rule {
        CycleRule::Skip => letters(calendar),
        CycleRule::Slide => {
            let mut slid = calendar.clone();
            slid.closed.extend_from_slice(closed);
            letters(&slid)
        }
    };
    dealt.into_iter().filter(|(date, _)| open(date)).collect()
}
