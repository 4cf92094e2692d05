//! A letter as people read it: the same blocks as plain text and as HTML, and the calendar's part of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::domain::mail::{Change, Digest, Letter, Notice, Series, Told};
use crate::domain::spoken;
use crate::domain::time::{Date, Tz, Weekday, instant, to_utc};
use crate::exchange::itip::{self, Method, Parties};

/// Dates that one line lists.
const LISTED: usize = 20;

/// About whom and from whom a letter is.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'f> {
    pub name: &'f str,
    /// Mail addresses.
    pub from: &'f str,
    pub to: &'f str,
    /// Where people reach the server: scheme, host, port.
    pub origin: &'f str,
    /// Where whoever wants no more of these says so; none where they cannot.
    pub unsubscribe: Option<&'f str>,
    /// When it was decided to write.
    pub at: DateTime<Utc>,
}

/// A letter ready to be put into a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
    pub calendars: Vec<(Method, String)>,
}

/// One piece of a letter.
enum Block {
    Heading(String),
    Text(String),
    Items(Vec<String>),
    Link(String, String),
}

/// What the recipient gets to see.
#[must_use]
pub fn render(letter: &Letter, frame: Frame<'_>) -> Rendered {
    let parties = Parties { organizer: frame.from, attendee: frame.to };
    let (subject, mut blocks, calendars) = match letter {
        Letter::Digest(digest) => {
            let call = |told: &Told| Some((Method::from(&told.change), itip::message(told, parties, frame.at)?));
            let calendars = digest.told.iter().filter_map(call).collect();
            (format!("Your teaching schedule, {}", digest.term), of_digest(digest, frame), calendars)
        }
        Letter::Notice(notice) => (notice.subject.clone(), of_notice(notice, frame), Vec::new()),
    };
    if let Some(path) = frame.unsubscribe {
        blocks.push(Block::Link("No more mails of this kind".into(), format!("{}{path}", frame.origin)));
    }
    let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Rendered { text: text(frame.name, &blocks), html: html(&subject, frame.name, &blocks), subject, calendars }
}

fn of_notice(notice: &Notice, frame: Frame<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = notice.text.iter().cloned().map(Block::Text).collect();
    if !notice.facts.is_empty() {
        blocks.push(Block::Items(notice.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect()));
    }
    if let Some((title, path)) = &notice.link {
        blocks.push(Block::Link(title.clone(), format!("{}{path}", frame.origin)));
    }
    blocks
}

fn of_digest(digest: &Digest, frame: Frame<'_>) -> Vec<Block> {
    let of = |wanted: fn(&Change) -> bool| digest.told.iter().filter(move |told| wanted(&told.change));
    let first_of_all = digest.told.iter().all(|told| told.change == Change::New);
    let opening = if first_of_all { "here is your schedule for" } else { "your schedule has changed for" };
    let mut blocks = vec![Block::Text(format!("{opening} {}.", digest.term))];
    let mut section = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            blocks.push(Block::Heading(title.into()));
            blocks.push(Block::Items(items));
        }
    };
    let whole = |told: &Told| format!("{}: {}", named(&told.series), weekly(&told.series, digest.tz));
    section("New", of(|change| *change == Change::New).map(whole).collect());
    section("Changed", of(|change| matches!(change, Change::Changed { .. })).map(changed).collect());
    section("No longer yours", of(|change| *change == Change::Gone).map(|told| slot(&told.series)).collect());
    blocks.push(Block::Text("Times are the school's. The invitations in this mail put them into your calendar, and replace those of earlier mails.".into()));
    blocks.push(Block::Link("Your week".into(), format!("{}{}", frame.origin, digest.week)));
    blocks
}

fn named(series: &Series) -> String {
    format!("{}, {}", series.title, series.place)
}

/// "Algebra I, Lincoln High, Mon, Wed 1:00–1:45 PM EST": also which of two sections that have the same name.
fn slot(series: &Series) -> String {
    match usual(series) {
        Some(usual) => format!("{}, {usual}", named(series)),
        None => named(series),
    }
}

/// "Mon, Wed 1:00–1:45 PM EDT/EST", and of one meeting "Mon, Nov 2, 1:00–1:45 PM EST". None without meetings.
fn usual(series: &Series) -> Option<String> {
    let (first, span) = series.meetings.first_key_value()?;
    let last = series.meetings.keys().next_back()?;
    if first == last {
        return Some(spoken::meeting(series.tz, *first, span.starts, span.ends));
    }
    let days: BTreeSet<Weekday> = series.meetings.keys().map(|on| on.weekday()).collect();
    let days: Vec<&str> = days.iter().map(|day| day.title()).collect();
    Some(format!("{} {}", days.join(", "), spoken::usual_times(series.tz, (*first, *last), span.starts, span.ends)))
}

/// "Mon, Wed 1:00–1:45 PM EDT/EST, 30 meetings from August 31, 2026 to December 18, 2026; the first begins at 10:00 …"
fn weekly(series: &Series, reader: Tz) -> String {
    let (Some((first, span)), Some(mut text)) = (series.meetings.first_key_value(), usual(series)) else {
        return "no meetings".into();
    };
    let last = series.meetings.keys().next_back().unwrap_or(first);
    let count = series.meetings.len();
    if count > 1 {
        let same = series.meetings.values().all(|other| other == span);
        let varies = if same { "" } else { ", on some days at another time" };
        let (from, to) = (spoken::long_date(*first), spoken::long_date(*last));
        let _ = write!(text, "{varies}, {count} meetings from {from} to {to}");
    }
    if reader != series.tz {
        let at = instant(to_utc(series.tz, *first, span.starts.minutes()));
        let on = Date(at.with_timezone(&reader).date_naive());
        let which = if count > 1 { "the first" } else { "it" };
        let _ = write!(text, "; {which} begins at {} on {} on your clock", spoken::time(at, reader), spoken::day(on));
    }
    text
}

fn changed(told: &Told) -> String {
    let Change::Changed { added, dropped, moved } = &told.change else { return named(&told.series) };
    let tz = told.series.tz;
    let at = |on: &Date| match told.series.meetings.get(on) {
        Some(span) => spoken::meeting(tz, *on, span.starts, span.ends),
        None => spoken::day(*on),
    };
    let list = |title: &str, dates: &[Date]| {
        let mut shown: Vec<String> = dates.iter().take(LISTED).map(at).collect();
        if dates.len() > LISTED {
            shown.push(format!("and {} more", dates.len() - LISTED));
        }
        (!dates.is_empty()).then(|| format!("{title} {}", shown.join("; ")))
    };
    // The end of a run is said as one, not date by date.
    let rest =
        told.series.meetings.keys().next_back().filter(|last| dropped.len() > 1 && dropped.iter().all(|on| on > last));
    let less = match rest {
        Some(last) => Some(format!("not held after {} ({} meetings)", spoken::day(*last), dropped.len())),
        None => list("not held", dropped),
    };
    let parts: Vec<String> = [list("moved to", moved), list("added", added), less].into_iter().flatten().collect();
    // Each date has commas of its own.
    let parts = if parts.is_empty() { "its name or place".into() } else { parts.join(" | ") };
    format!("{}: {parts}", slot(&told.series))
}

// ---- the two ways of writing blocks ----------------------------------------------------------

fn text(name: &str, blocks: &[Block]) -> String {
    let mut text = format!("Hello {},\n", plain(name));
    for block in blocks {
        let _ = match block {
            Block::Heading(title) => write!(text, "\n{}\n", plain(title)),
            Block::Text(line) => write!(text, "\n{}\n", plain(line)),
            Block::Items(items) => items.iter().try_for_each(|item| writeln!(text, "  - {}", plain(item))),
            Block::Link(title, address) => write!(text, "\n{}: {address}\n", plain(title)),
        };
    }
    text
}

fn html(subject: &str, name: &str, blocks: &[Block]) -> String {
    let mut body = format!("<p>Hello {},</p>\n", escaped(name));
    for block in blocks {
        let _ = match block {
            Block::Heading(title) => writeln!(body, "<h2>{}</h2>", escaped(title)),
            Block::Text(line) => writeln!(body, "<p>{}</p>", escaped(line)),
            Block::Items(items) => {
                let items: Vec<String> = items.iter().map(|item| format!("<li>{}</li>", escaped(item))).collect();
                writeln!(body, "<ul>{}</ul>", items.concat())
            }
            Block::Link(title, address) => {
                writeln!(body, "<p><a href=\"{}\">{}</a></p>", escaped(address), escaped(title))
            }
        };
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n{body}</body></html>\n",
        escaped(subject)
    )
}

/// One line of a text.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn escaped(text: &str) -> String {
    plain(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mail::Span;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    const FRAME: Frame<'_> = Frame {
        name: "Ana <b>\r\nBcc: x@evil.example",
        from: "office@vendor.example",
        to: "ana@educator.example",
        origin: "https://staffing.example.org",
        unsubscribe: Some("/unsubscribe/1"),
        at: DateTime::UNIX_EPOCH,
    };

    fn told(change: Change) -> Told {
        let span = Span { starts: "13:00".parse().expect("a clock"), ends: "13:45".parse().expect("a clock") };
        let meetings = BTreeMap::from([(Date::ymd(2026, 11, 2), span), (Date::ymd(2026, 11, 4), span)]);
        let (title, place) = ("Algebra & <i>geometry</i>".into(), "Lincoln High".into());
        let series = Series { title, place, tz: Tz::America__New_York, meetings };
        Told { uid: Uuid::nil(), sequence: i64::from(change != Change::New), series, change }
    }

    fn digest(told: Vec<Told>) -> Letter {
        Letter::Digest(Digest {
            term: "Fall 2026".into(),
            tz: Tz::America__Phoenix,
            week: "/educators/e/week".into(),
            told,
        })
    }

    #[test]
    fn a_digest_says_what_is_new_on_both_clocks_in_text_and_in_html() {
        let rendered = render(&digest(vec![told(Change::New)]), FRAME);
        assert_eq!(rendered.subject, "Your teaching schedule, Fall 2026");
        let line = "Mon, Wed 1:00–1:45 PM EST, 2 meetings from November 2, 2026 to November 4, 2026; \
                    the first begins at 11:00 AM MST on Mon, Nov 2 on your clock";
        assert!(
            rendered.text.contains(&format!("  - Algebra & <i>geometry</i>, Lincoln High: {line}\n")),
            "{}",
            rendered.text
        );
        assert!(
            rendered
                .html
                .contains(&format!("<li>Algebra &amp; &lt;i&gt;geometry&lt;/i&gt;, Lincoln High: {line}</li>"))
        );
        assert!(rendered.text.contains("Your week: https://staffing.example.org/educators/e/week\n"));
        assert!(rendered.html.contains("<a href=\"https://staffing.example.org/unsubscribe/1\">"));
        assert_eq!(rendered.calendars.len(), 1);
        assert_eq!(rendered.calendars[0].0, Method::Request);
        // No name adds a line of its own, or an element.
        assert!(rendered.text.starts_with("Hello Ana <b>  Bcc: x@evil.example,\n"), "{}", rendered.text);
        assert!(rendered.html.contains("<p>Hello Ana &lt;b&gt;  Bcc: x@evil.example,</p>"));
    }

    #[test]
    fn a_digest_of_changes_lists_the_dates_and_what_is_gone() {
        let dates = |days: &[u32]| days.iter().map(|day| Date::ymd(2026, 11, *day)).collect::<Vec<_>>();
        let changed = Change::Changed { added: dates(&[2]), dropped: dates(&[9, 11]), moved: dates(&[4]) };
        let rendered = render(&digest(vec![told(changed), told(Change::Gone)]), FRAME);
        for line in [
            "your schedule has changed for Fall 2026.",
            "moved to Wed, Nov 4, 1:00–1:45 PM EST | added Mon, Nov 2, 1:00–1:45 PM EST | not held after Wed, Nov 4 (2 meetings)\n",
            "\nNo longer yours\n  - Algebra & <i>geometry</i>, Lincoln High, Mon, Wed 1:00–1:45 PM EST\n",
        ] {
            assert!(rendered.text.contains(line), "{line}\n{}", rendered.text);
        }
        let methods: Vec<Method> = rendered.calendars.iter().map(|(method, _)| *method).collect();
        assert_eq!(methods, [Method::Request, Method::Cancel]);
        let between = Change::Changed { added: dates(&[]), dropped: dates(&[3]), moved: dates(&[]) };
        let rendered = render(&digest(vec![told(between)]), FRAME);
        assert!(rendered.text.contains("1:00–1:45 PM EST: not held Tue, Nov 3\n"), "{}", rendered.text);
        // One meeting is said as one.
        let mut single = told(Change::New);
        single.series.meetings.pop_last();
        let rendered = render(&digest(vec![single]), FRAME);
        let line =
            "Lincoln High: Mon, Nov 2, 1:00–1:45 PM EST; it begins at 11:00 AM MST on Mon, Nov 2 on your clock\n";
        assert!(rendered.text.contains(line), "{}", rendered.text);
    }

    #[test]
    fn a_notice_has_its_facts_and_its_link() {
        let notice = Notice {
            subject: "An offer\r\nBcc: y@evil.example".into(),
            text: vec!["We offer you two sections.".into()],
            facts: vec![("Weekly minutes".into(), "450".into())],
            link: Some(("Answer".into(), "/offers/7".into())),
        };
        let rendered = render(&Letter::Notice(notice), Frame { unsubscribe: None, ..FRAME });
        assert_eq!(rendered.subject, "An offer  Bcc: y@evil.example");
        assert!(rendered.text.contains("\nWe offer you two sections.\n  - Weekly minutes: 450\n"), "{}", rendered.text);
        assert!(rendered.html.contains("<a href=\"https://staffing.example.org/offers/7\">Answer</a>"));
        assert!(!rendered.text.contains("No more mails") && rendered.calendars.is_empty());
    }
}
