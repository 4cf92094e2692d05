//! What is written to people: letters as facts, before anybody makes text of them. No letter names a student.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::{Clock, Date, Tz};

/// Replies of a server that knows no such mailbox (RFC 5321 §4.2.3).
const NO_SUCH_MAILBOX: [u16; 3] = [550, 551, 553];

/// Whether an answer of a mail server says that there is no such address. `status` is the enhanced code (RFC 3463) where
/// it gave one: 5.1.x is about the address, but for 5.1.7 and 5.1.8, which are about the sender's; every other class is
/// about the mailbox, the mail, or what the server thinks of us. Without one, or with 5.0.0, the reply decides.
#[must_use]
pub fn nobody_there(reply: Option<u16>, status: Option<&str>) -> bool {
    let mut parts = status.unwrap_or_default().trim().split('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("5"), Some("1"), detail) => !matches!(detail, Some("7" | "8")),
        (Some(""), None, None) | (Some("5"), Some("0"), _) => reply.is_some_and(|code| NO_SUCH_MAILBOX.contains(&code)),
        _ => false,
    }
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Letter {
    Digest(Digest),
    Notice(Notice),
}

/// What a publication, or several of them, changed for one educator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub term: String,
    /// The reader's own zone.
    pub tz: Tz,
    /// Path of the page with their week.
    pub week: String,
    pub told: Vec<Told>,
}

/// Something to know or to decide, with where to do so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub subject: String,
    /// Paragraphs.
    pub text: Vec<String>,
    /// Names and values, one line each.
    pub facts: Vec<(String, String)>,
    /// What the link is called, and its path on the server.
    pub link: Option<(String, String)>,
}

/// One run of meetings as a calendar is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The calendar UID, the same as long as the run of meetings exists.
    pub uid: Uuid,
    /// Counts what was told of it, from 0.
    pub sequence: i64,
    /// As it is now; as it was, where it is gone.
    pub series: Series,
    pub change: Change,
}

/// Meetings of one need at one place in the school's day, at most one a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    pub title: String,
    pub place: String,
    /// The school's zone, in which the meetings are written.
    pub tz: Tz,
    pub meetings: BTreeMap<Date, Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub starts: Clock,
    pub ends: Clock,
}

/// How a run of meetings differs from what was told before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Change {
    New,
    /// Dates on which something is different.
    Changed {
        added: Vec<Date>,
        dropped: Vec<Date>,
        moved: Vec<Date>,
    },
    Gone,
}

/// One dated meeting, with what a calendar shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Which meeting it is ([`Meeting::key`](super::session::Meeting::key)), with its date inside.
    pub key: String,
    pub title: String,
    pub place: String,
    pub tz: Tz,
    pub on: Date,
    pub span: Span,
}

/// Meetings by the run that they belong to: those whose keys differ only in the date.
#[must_use]
pub fn gather(meetings: impl IntoIterator<Item = Dated>) -> BTreeMap<String, Series> {
    let mut runs: BTreeMap<String, Series> = BTreeMap::new();
    for Dated { key, title, place, tz, on, span } in meetings {
        let mut key = key.replacen(&format!("/{on}/"), "/", 1);
        // A second meeting of the day is of a second run: a calendar's rule has one a day.
        while runs.get(&key).is_some_and(|run| run.meetings.contains_key(&on)) {
            key.push('+');
        }
        let run = runs.entry(key).or_insert_with(|| Series { title, place, tz, meetings: BTreeMap::new() });
        run.meetings.insert(on, span);
    }
    runs
}

/// How `now` differs from what was told; none if it does not.
#[must_use]
pub fn compare(told: Option<&Series>, now: Option<&Series>) -> Option<Change> {
    let (old, new) = match (told, now) {
        (None, None) => return None,
        (None, Some(_)) => return Some(Change::New),
        (Some(_), None) => return Some(Change::Gone),
        (Some(old), Some(new)) if old == new => return None,
        (Some(old), Some(new)) => (&old.meetings, &new.meetings),
    };
    let only = |here: &BTreeMap<Date, Span>, there: &BTreeMap<Date, Span>| {
        here.keys().filter(|on| !there.contains_key(on)).copied().collect()
    };
    let moved = new.iter().filter(|(on, span)| old.get(on).is_some_and(|was| was != *span)).map(|(on, _)| *on);
    Some(Change::Changed { added: only(new, old), dropped: only(old, new), moved: moved.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(key: &str, day: u32, starts: &str) -> Dated {
        let (on, starts): (Date, Clock) = (Date::ymd(2026, 9, day), starts.parse().expect("a clock"));
        let ends = Clock::from_minutes(starts.minutes() + 45).expect("a clock");
        let (title, place) = ("Algebra I".into(), "Lincoln High".into());
        let key = key.replace('@', &on.to_string());
        Dated { key, title, place, tz: Tz::America__New_York, on, span: Span { starts, ends } }
    }

    #[test]
    fn only_what_is_said_of_the_address_itself_ends_mail_to_it() {
        for (reply, status, nobody) in [
            (Some(550), Some("5.1.1"), true),
            (Some(550), Some("5.1.10"), true),
            (Some(550), None, true),
            (Some(550), Some("5.0.0"), true),
            (None, Some("5.1.2"), true),
            (Some(550), Some("5.1.8"), false),
            (Some(550), Some("5.7.1"), false),
            (Some(552), Some("5.2.2"), false),
            (Some(554), Some("5.0.0"), false),
            (Some(452), Some("4.1.1"), false),
            (None, None, false),
            (None, Some("garbage"), false),
        ] {
            assert_eq!(nobody_there(reply, status), nobody, "{reply:?} {status:?}");
        }
    }

    #[test]
    fn meetings_whose_keys_differ_in_the_date_alone_are_one_run() {
        let runs = gather([
            dated("section/s/@/P1", 7, "08:00"),
            dated("section/s/@/P1", 8, "08:30"),
            dated("section/s/@/P2", 7, "09:00"),
            dated("section/s/@/P1", 7, "13:00"),
        ]);
        let sizes: Vec<_> = runs.iter().map(|(key, run)| (key.as_str(), run.meetings.len())).collect();
        assert_eq!(sizes, [("section/s/P1", 2), ("section/s/P1+", 1), ("section/s/P2", 1)]);
    }

    #[test]
    fn a_change_names_the_dates_that_differ() {
        let run = |days: &[(u32, &str)]| {
            let all = days.iter().map(|&(day, starts)| dated("section/s/@/P1", day, starts));
            gather(all).remove("section/s/P1").expect("a run")
        };
        let (old, new) =
            (run(&[(7, "08:00"), (8, "08:00"), (9, "08:00")]), run(&[(8, "08:30"), (9, "08:00"), (10, "08:00")]));
        let on = |day| vec![Date::ymd(2026, 9, day)];
        assert_eq!(
            compare(Some(&old), Some(&new)),
            Some(Change::Changed { added: on(10), dropped: on(7), moved: on(8) })
        );
        assert_eq!(compare(Some(&old), Some(&old)), None);
        assert_eq!(compare(None, Some(&new)), Some(Change::New));
        assert_eq!(compare(Some(&old), None), Some(Change::Gone));
    }
}
