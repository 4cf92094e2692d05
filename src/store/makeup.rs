//! Make-up sessions: reads when a student and an educator are free, books one of those times as a dated session, and says
//! whether one can still be held.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::error::{Result, StoreError};
use super::tx::{Row, Tx, instant_text, statements};
use super::{audit, children, get, minutes};
use crate::args;
use crate::domain::calendar::{self, DateSpan};
use crate::domain::educator;
use crate::domain::id::{
    DistrictId, EducatorId, LogId, RecordId, ScheduleId, SchoolId, ServiceId, SessionId, StudentId, TermId,
};
use crate::domain::log::LogEntry;
use crate::domain::makeup::{Free, Missing, Slot, Unfit, slot_at, slots};
use crate::domain::record::Stored;
use crate::domain::records::{
    Availability, Calendar, Clearance, District, Educator, License, School, Service, Term, TimeOff,
};
use crate::domain::session::{Meeting, Purpose, SessionStatus, SessionStudent};
use crate::domain::time::{Clock, Date, TZDB_VERSION, Tz, UtcMinute, from_utc};

statements! {
    /// Bookings wait for changes under way of what they rest on, and hold off further ones. Neither waits for a publication,
    /// which may take long. On SQLite there is one writer.
    BOOKING = "SELECT 1 AS one" | "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(hashtextextended('make-ups', 0))) AS locked";
    CHANGING = "SELECT 1 AS one" | "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock_shared(hashtextextended('make-ups', 0))) AS locked";
    OF_EDUCATOR = "SELECT starts_at, ends_at FROM session WHERE educator_id = $1 AND ends_at > $2 AND starts_at < $3 ORDER BY starts_at";
    OF_STUDENT = "SELECT starts_at, ends_at FROM session_student WHERE student_id = $1 AND ends_at > $2 AND starts_at < $3 ORDER BY starts_at";
    /// Who serves a service as it stands.
    SERVES = "SELECT a.educator_id FROM assignment a JOIN schedule_district d ON d.schedule_id = a.schedule_id AND d.district_id = a.district_id \
              WHERE a.service_id = $1 AND d.is_current ORDER BY a.id LIMIT 1";
    STANDS = "SELECT schedule_id FROM schedule_district WHERE term_id = $1 AND district_id = $2 AND is_current";
    /// Minutes that were given for an entry in its own line, and those that booked sessions are to give.
    GIVEN = "SELECT CAST(COALESCE(SUM(g.delivered_minutes), 0) AS bigint) AS minutes FROM service_log g JOIN service v ON v.id = g.service_id \
             JOIN service_log m ON m.id = g.makes_up JOIN service w ON w.id = m.service_id WHERE m.id = $1 AND (v.id = w.id OR v.line_id = w.line_id)";
    BOOKED = "SELECT CAST(COALESCE(SUM(n.minutes), 0) AS bigint) AS minutes FROM session n JOIN session_student x ON x.session_id = n.id \
              WHERE n.makes_up = $1 AND x.serves AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = n.id)";
    INSERT = "INSERT INTO session (id, term_id, schedule_id, educator_id, school_id, district_id, service, key, held_on, starts, ends, tz, starts_at, ends_at, \
              tzdb, minutes, status, sequence, updated_at, makes_up) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'planned', 0, $17, $18)";
    INSERT_STUDENT = "INSERT INTO session_student (session_id, service_id, student_id, starts_at, ends_at, due, serves) VALUES ($1, $2, $3, $4, $5, TRUE, TRUE)";
    DELETE = "DELETE FROM session WHERE id = $1 AND makes_up IS NOT NULL";
    GET = "SELECT n.id, n.term_id, n.educator_id, e.display_name, n.school_id, n.district_id, n.service, n.key, n.held_on, n.starts, n.ends, n.tz, \
           n.starts_at, n.ends_at, n.minutes, n.status, n.makes_up, x.service_id, x.student_id, x.due, \
           EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = n.id) AS logged FROM session n JOIN session_student x ON x.session_id = n.id \
           JOIN educator e ON e.id = n.educator_id WHERE n.id = $1 AND n.makes_up IS NOT NULL";
    OF_ENTRIES = "SELECT n.id, n.term_id, n.educator_id, e.display_name, n.school_id, n.district_id, n.service, n.key, n.held_on, n.starts, n.ends, n.tz, \
                  n.starts_at, n.ends_at, n.minutes, n.status, n.makes_up, x.service_id, x.student_id, x.due, \
                  EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = n.id) AS logged FROM session n JOIN session_student x ON x.session_id = n.id \
                  JOIN educator e ON e.id = n.educator_id WHERE n.makes_up IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY n.starts_at, n.id"
               | "SELECT n.id, n.term_id, n.educator_id, e.display_name, n.school_id, n.district_id, n.service, n.key, n.held_on, n.starts, n.ends, n.tz, \
                  n.starts_at, n.ends_at, n.minutes, n.status, n.makes_up, x.service_id, x.student_id, x.due, \
                  EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = n.id) AS logged FROM session n JOIN session_student x ON x.session_id = n.id \
                  JOIN educator e ON e.id = n.educator_id WHERE n.makes_up IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) ORDER BY n.starts_at, n.id";
    /// Those to come of a term, whatever the district: an educator teaches in several.
    TO_COME = "SELECT n.id, n.term_id, n.educator_id, e.display_name, n.school_id, n.district_id, n.service, n.key, n.held_on, n.starts, n.ends, n.tz, \
               n.starts_at, n.ends_at, n.minutes, n.status, n.makes_up, x.service_id, x.student_id, x.due, \
               EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = n.id) AS logged FROM session n JOIN session_student x ON x.session_id = n.id \
               JOIN educator e ON e.id = n.educator_id WHERE n.term_id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
}

/// An answer, or the reason against it.
type Fit<T> = std::result::Result<T, Unfit>;

/// Days ahead that are looked at.
const AHEAD: i64 = 60;

/// A booked make-up session
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Booking {
    #[schema(value_type = Uuid)]
    pub session_id: SessionId,
    /// The entry whose missing minutes it makes up.
    #[schema(value_type = Uuid)]
    pub makes_up: LogId,
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub educator_name: String,
    pub held_on: Date,
    /// On the school's clock.
    pub starts: Clock,
    pub ends: Clock,
    pub tz: String,
    pub minutes: i64,
    pub status: SessionStatus,
    /// Something is said of it in the log.
    pub logged: bool,
    #[serde(skip)]
    pub term_id: TermId,
    #[serde(skip)]
    pub meeting: Meeting,
}

/// Everything by which a time for a make-up is judged.
struct Ground {
    /// Still to be made up and not booked.
    lacks: i64,
    service: Service,
    school: School,
    district: District,
    term: Term,
    calendar: Option<Calendar>,
    educator: Stored<Educator>,
    availability: Vec<educator::Availability>,
    away: Vec<DateSpan>,
    licensed: Vec<DateSpan>,
    busy: Vec<(UtcMinute, UtcMinute)>,
    /// Minutes by the educator's own dates.
    loads: BTreeMap<Date, i64>,
    student_busy: Vec<(UtcMinute, UtcMinute)>,
}

/// Until this transaction ends, nothing changes on which bookings rest. Whoever takes it holds the term's
/// [`lock`](super::schedules::lock) already, and reads what it books for after it.
pub async fn lock(tx: &mut Tx) -> Result<()> {
    tx.row(&BOOKING, &[]).await.map(drop)
}

/// Until this transaction ends, nobody books: whoever does has either done so before, or knows of the change.
pub(super) async fn hold_off(tx: &mut Tx) -> Result<()> {
    tx.row(&CHANGING, &[]).await.map(drop)
}

/// Minutes of an entry that are missing, not made up and not booked.
pub async fn open_minutes(tx: &mut Tx, entry: &LogEntry) -> Result<i64> {
    let mut lacks = entry.planned_minutes - entry.delivered_minutes;
    for statement in [&GIVEN, &BOOKED] {
        let row = tx.row(statement, args![entry.id]).await?;
        lacks -= row.map_or(Ok(0), |row| row.get::<i64>("minutes"))?;
    }
    Ok(if entry.makes_up.is_some() { 0 } else { lacks.max(0) })
}

/// At most `most` times after `now` at which what an entry still lacks can be made up, by whoever serves the student as it
/// stands.
pub async fn proposals(tx: &mut Tx, entry: &LogEntry, now: DateTime<Utc>, most: usize) -> Result<Vec<Slot>> {
    let ground = Ground::read(tx, entry, now).await?;
    let found = ground.judge(now, |missing, days, free, after| Ok(slots(missing, days, free, after, most)));
    Ok(found.unwrap_or_default())
}

/// Books what an entry still lacks as a session on this date at this time of the school's clock. A time that does not suit
/// everybody is refused. The caller holds the [`lock`].
pub async fn book(tx: &mut Tx, entry: &LogEntry, on: Date, at: Clock) -> Result<Booking> {
    let now = tx.at;
    let ground = Ground::read(tx, entry, now).await?;
    if ground.lacks == 0 {
        return Err(StoreError::invalid("", "nothing of this entry is left to make up; it was made up, or is booked"));
    }
    let slot = ground.judge(now, |missing, days, free, after| slot_at(missing, days, free, after, (on, at)));
    let refuse = |why: Unfit| StoreError::invalid("/starts", format!("does not suit: {why}; ask for the times again"));
    keep(tx, entry, &slot.map_err(refuse)?).await
}

/// Writes a booked session. That nobody is in two places, the database sees to.
pub async fn keep(tx: &mut Tx, entry: &LogEntry, slot: &Slot) -> Result<Booking> {
    let service = get::<Service>(tx, entry.service_id).await?.body;
    let school = get::<School>(tx, service.school_id).await?.body;
    let tz = match school.tz {
        Some(tz) => tz,
        None => get::<District>(tx, school.district_id).await?.body.tz,
    };
    let unpublished = || StoreError::invalid("", "nothing is published for this district; publish a schedule first");
    let stands = tx.row(&STANDS, args![service.term_id, school.district_id]).await?.ok_or_else(unpublished)?;
    let schedule: ScheduleId = stands.id("schedule_id")?;
    let minutes = i64::from(slot.ends.minutes()) - i64::from(slot.starts.minutes());
    let ends_at = slot.starts_at + TimeDelta::minutes(minutes);
    let id = SessionId::fresh();
    let key = format!("make-up/{}/{}/{}", entry.id, slot.held_on, slot.starts);
    let (starts, ends) = (slot.starts.to_string(), slot.ends.to_string());
    let (at, held_on) = (tx.at, slot.held_on);
    let args = args![
        id,
        service.term_id,
        schedule,
        slot.educator_id,
        service.school_id,
        school.district_id,
        service.service,
        key,
        held_on,
        starts,
        ends,
        tz.name().to_owned(),
        slot.starts_at,
        ends_at,
        TZDB_VERSION,
        minutes,
        at,
        entry.id
    ];
    tx.execute(&INSERT, args).await?;
    let args = args![id, entry.service_id, entry.student_id, slot.starts_at, ends_at];
    tx.execute(&INSERT_STUDENT, args).await?;
    let told = json!({
        "makes_up": entry.id, "educator_id": slot.educator_id, "held_on": slot.held_on, "starts": slot.starts, "ends": slot.ends,
        "starts_at": instant_text(slot.starts_at),
    });
    audit::write(tx, "book", "session", id.uuid(), None, Some(told)).await?;
    find(tx, id).await
}

/// A booked session.
pub async fn find(tx: &mut Tx, id: SessionId) -> Result<Booking> {
    let missing = || StoreError::NotFound { what: "make-up session", id: id.uuid() };
    booking(&tx.row(&GET, args![id]).await?.ok_or_else(missing)?)
}

/// What is booked for these entries, in the order of time.
pub async fn of_entries(tx: &mut Tx, ids: &[LogId]) -> Result<Vec<Booking>> {
    tx.rows(&OF_ENTRIES, args![json!(ids)]).await?.iter().map(booking).collect()
}

/// Cancels a booked session that has not begun and of which nothing is logged.
pub async fn cancel(tx: &mut Tx, booking: &Booking, why: &str) -> Result<()> {
    if booking.logged || booking.meeting.has_begun(tx.at) {
        return Err(StoreError::invalid("", "it has begun or is logged; say in the log what became of it"));
    }
    let missing = StoreError::NotFound { what: "make-up session", id: booking.session_id.uuid() };
    if take_out(tx, booking, why).await? { Ok(()) } else { Err(missing) }
}

/// Takes a booked session out of the calendar. What the log says of it stays. False if somebody else has done so meanwhile.
pub(super) async fn take_out(tx: &mut Tx, booking: &Booking, why: &str) -> Result<bool> {
    if tx.execute(&DELETE, args![booking.session_id]).await? == 0 {
        return Ok(false);
    }
    let told = json!({ "makes_up": booking.makes_up, "held_on": booking.held_on, "starts": booking.starts });
    let why = json!({ "why": why });
    audit::write(tx, "cancel", "session", booking.session_id.uuid(), Some(told), Some(why)).await?;
    Ok(true)
}

/// Booked sessions of a term that have not begun.
pub async fn to_come(tx: &mut Tx, term: TermId) -> Result<Vec<Booking>> {
    let at = tx.at;
    tx.rows(&TO_COME, args![term, at]).await?.iter().map(booking).collect()
}

/// Why a session of this service can no longer be held by its educator as it is dated, whatever else they have to do; none
/// if it can.
pub async fn prevented(tx: &mut Tx, meeting: &Meeting, service: ServiceId) -> Result<Option<Unfit>> {
    Ok(Ground::of(tx, service, meeting.educator_id).await?.holds(meeting).err())
}

/// Why a session that gives the minutes of this service cannot be held `beside` what else its educator holds in the days
/// around it (instants `[from, to)`), with the limits of week and day and the time between; none if it can.
pub async fn prevented_beside(
    tx: &mut Tx,
    meeting: &Meeting,
    service: ServiceId,
    beside: Vec<(UtcMinute, UtcMinute)>,
) -> Result<Option<Unfit>> {
    let mut ground = Ground::of(tx, service, meeting.educator_id).await?;
    if ground.service.minutes != meeting.minutes {
        return Ok(Some(Unfit::Window));
    }
    ground.occupy(beside);
    Ok(ground.holds(meeting).err())
}

impl Ground {
    /// Of an entry, with whoever serves the student as it stands, and what both have to do.
    async fn read(tx: &mut Tx, entry: &LogEntry, now: DateTime<Utc>) -> Result<Self> {
        let who: EducatorId = match tx.row(&SERVES, args![entry.service_id]).await? {
            Some(row) => row.id("educator_id")?,
            None => entry.educator_id,
        };
        let mut ground = Self::of(tx, entry.service_id, who).await?;
        ground.lacks = open_minutes(tx, entry).await?;
        // Whole weeks, for what the educator may hold in one.
        let (from, until) = (now - TimeDelta::days(9), now + TimeDelta::days(AHEAD + 9));
        ground.occupy(taken(&tx.rows(&OF_EDUCATOR, args![who, from, until]).await?)?);
        ground.student_busy = taken(&tx.rows(&OF_STUDENT, args![entry.student_id, from, until]).await?)?;
        Ok(ground)
    }

    /// The educator holds these besides.
    fn occupy(&mut self, busy: Vec<(UtcMinute, UtcMinute)>) {
        for (begins, ends) in &busy {
            *self.loads.entry(from_utc(self.educator.body.tz, *begins).0).or_default() += ends - begins;
        }
        self.busy = busy;
    }

    /// Of a service and whoever is to hold it, as if neither educator nor student had anything else to do.
    async fn of(tx: &mut Tx, service_id: ServiceId, who: EducatorId) -> Result<Self> {
        let service = get::<Service>(tx, service_id).await?.body;
        let school = get::<School>(tx, service.school_id).await?.body;
        let district = get::<District>(tx, school.district_id).await?.body;
        let term = get::<Term>(tx, service.term_id).await?.body;
        let calendar = minutes::calendar_of(tx, service.term_id, school.district_id, service.school_id).await?;
        let educator = get::<Educator>(tx, who).await?;
        let cleared = children::<Clearance>(tx, "educator_id", who).await?;
        let cleared = cleared.iter().any(|row| row.body.state == district.state);
        let covers = |license: &License| {
            cleared
                && license.state == district.state
                && service.areas.contains(&license.area)
                && license.grades.contains(&service.grade)
        };
        let licenses = children::<License>(tx, "educator_id", who).await?;
        let licensed = licenses.iter().filter(|row| covers(&row.body));
        let licensed = licensed.map(|row| DateSpan { first: row.body.issued_on, last: row.body.expires_on }).collect();
        let away = children::<TimeOff>(tx, "educator_id", who).await?;
        let away = away.iter().map(|row| DateSpan { first: row.body.first_on, last: row.body.last_on }).collect();
        let availability = children::<Availability>(tx, "educator_id", who).await?;
        let stretch = |row: Stored<Availability>| educator::Availability {
            days: row.body.days,
            start: row.body.start,
            end: row.body.end,
        };
        let availability = availability.into_iter().map(stretch).collect();
        Ok(Self {
            lacks: 0,
            service,
            school,
            district,
            term,
            calendar,
            educator,
            availability,
            away,
            licensed,
            busy: Vec::new(),
            loads: BTreeMap::new(),
            student_busy: Vec::new(),
        })
    }

    /// Asks for times after `now`; nothing where nothing is missing, or no calendar is kept.
    fn judge<T>(
        &self,
        now: DateTime<Utc>,
        ask: impl FnOnce(&Missing<'_>, &[calendar::SchoolDay<'_>], &Free<'_>, UtcMinute) -> Fit<T>,
    ) -> Fit<T> {
        let first = Date(now.date_naive()).plus_days(-1);
        self.on(DateSpan { first, last: first.plus_days(AHEAD) }, |missing, days, free| {
            ask(missing, days, free, now.timestamp().div_euclid(60) + 1)
        })
    }

    /// Whether a session as it is dated suits, whenever it is.
    fn holds(mut self, meeting: &Meeting) -> Fit<()> {
        (self.lacks, self.term.grid_minutes) = (meeting.minutes, 1);
        let (on, at) = (meeting.held_on, meeting.starts);
        if !self.owed().contains(on) {
            return Err(Unfit::NotOwed);
        }
        self.on(DateSpan { first: on, last: on }, |missing, days, free| {
            slot_at(missing, days, free, UtcMinute::MIN, (on, at)).map(drop)
        })
    }

    /// The days on which the service is owed.
    fn owed(&self) -> DateSpan {
        let term = DateSpan { first: self.term.first_on, last: self.term.last_on };
        DateSpan {
            first: self.service.first_on.unwrap_or(term.first).max(term.first),
            last: self.service.last_on.unwrap_or(term.last).min(term.last),
        }
    }

    /// Asks of the school days of a span on which the service is owed.
    fn on<T>(
        &self,
        span: DateSpan,
        ask: impl FnOnce(&Missing<'_>, &[calendar::SchoolDay<'_>], &Free<'_>) -> Fit<T>,
    ) -> Fit<T> {
        if !self.educator.body.active {
            return Err(Unfit::Inactive);
        }
        let calendar = calendar::Calendar::from(self.calendar.clone().filter(|_| self.lacks > 0).ok_or(Unfit::Closed)?);
        let owed = self.owed();
        let within = DateSpan { first: span.first.max(owed.first), last: span.last.min(owed.last) };
        let days = calendar.instructional_days(within);
        let missing = Missing {
            minutes: self.lacks,
            tz: self.school.tz.unwrap_or(self.district.tz),
            windows: &self.service.windows,
            grid: self.term.grid_minutes,
            student_busy: &self.student_busy,
        };
        let free = Free {
            id: self.educator.id,
            tz: self.educator.body.tz,
            availability: &self.availability,
            away: &self.away,
            licensed: &self.licensed,
            buffer: self.educator.body.buffer_minutes,
            busy: &self.busy,
            loads: &self.loads,
            max_week: self.educator.body.max_minutes_per_week,
            max_day: self.educator.body.max_minutes_per_day,
        };
        ask(&missing, &days, &free)
    }
}

fn booking(row: &Row) -> Result<Booking> {
    let tz: Tz = parsed(row, "tz")?;
    let meeting = Meeting {
        key: row.get("key")?,
        educator_id: row.id("educator_id")?,
        school_id: row.id::<SchoolId>("school_id")?,
        district_id: row.id::<DistrictId>("district_id")?,
        purpose: Purpose::Service(row.get("service")?),
        students: vec![SessionStudent {
            service_id: row.id::<ServiceId>("service_id")?,
            student_id: row.id::<StudentId>("student_id")?,
            due: row.get("due")?,
        }],
        held_on: Date(row.get::<NaiveDate>("held_on")?),
        starts: parsed(row, "starts")?,
        ends: parsed(row, "ends")?,
        tz,
        starts_at: row.get("starts_at")?,
        ends_at: row.get("ends_at")?,
        minutes: row.get("minutes")?,
        status: parsed(row, "status")?,
    };
    Ok(Booking {
        session_id: row.id("id")?,
        makes_up: row.id("makes_up")?,
        educator_id: meeting.educator_id,
        educator_name: row.get("display_name")?,
        held_on: meeting.held_on,
        starts: meeting.starts,
        ends: meeting.ends,
        tz: tz.name().to_owned(),
        minutes: meeting.minutes,
        status: meeting.status,
        logged: row.get("logged")?,
        term_id: row.id("term_id")?,
        meeting,
    })
}

/// The columns `starts_at` and `ends_at` as minutes.
pub(super) fn taken(rows: &[Row]) -> Result<Vec<(UtcMinute, UtcMinute)>> {
    let minute =
        |row: &Row, column: &str| Ok::<_, StoreError>(row.get::<DateTime<Utc>>(column)?.timestamp().div_euclid(60));
    rows.iter().map(|row| Ok((minute(row, "starts_at")?, minute(row, "ends_at")?))).collect()
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T> {
    row.get::<String>(column)?.parse().map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}
