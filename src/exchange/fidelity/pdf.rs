//! The report as a document to print: US letter, landscape, in the Courier that every reader of PDF has.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::{Report, ReportLine, times};
use crate::domain::ledger::{PeriodSums, Sums};
use crate::domain::log::MissReason;
use crate::domain::spoken;
use crate::domain::time::Tz;

const WIDTH: f32 = 792.0;
const HEIGHT: f32 = 612.0;
const MARGIN: f32 = 36.0;
const SIZE: f32 = 8.0;
const LEADING: f32 = 10.0;
/// Characters of a line: Courier's are 0.6 of its size.
const COLUMNS: usize = 150;
/// Lines of a page, its footer apart.
const LINES: usize = 52;

/// The document.
#[must_use]
pub fn pdf(report: &Report) -> Vec<u8> {
    let lines = lines(report);
    let pages: Vec<&[String]> = lines.chunks(LINES).collect();
    let mut next = 1;
    let mut fresh = || {
        let id = Ref::new(next);
        next += 1;
        id
    };
    let (catalog, tree, font, info) = (fresh(), fresh(), fresh(), fresh());
    let ids: Vec<(Ref, Ref)> = pages.iter().map(|_| (fresh(), fresh())).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree).lang(TextStr("en-US"));
    let title = format!("Service minutes of {}", report.student_key);
    pdf.document_info(info).title(TextStr(&title)).producer(TextStr("Bellwether"));
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(count);
    pdf.type1_font(font).base_font(Name(b"Courier")).encoding_predefined(Name(b"WinAnsiEncoding"));
    for (n, ((page, content), lines)) in ids.iter().zip(&pages).enumerate() {
        let mut object = pdf.page(*page);
        object.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(tree).contents(*content);
        object.resources().fonts().pair(Name(b"F"), font);
        object.finish();
        let mut text = Content::new();
        text.begin_text();
        text.set_font(Name(b"F"), SIZE);
        text.set_leading(LEADING);
        text.next_line(MARGIN, HEIGHT - MARGIN - SIZE);
        for line in *lines {
            text.show(Str(&latin(line)));
            text.next_line_using_leading();
        }
        text.end_text();
        text.begin_text();
        text.set_font(Name(b"F"), SIZE);
        text.next_line(MARGIN, MARGIN / 2.0);
        let footer = format!("{title} on {} - page {} of {count}", report.on, n + 1);
        text.show(Str(&latin(&footer)));
        text.end_text();
        pdf.stream(*content, &text.finish());
    }
    pdf.finish()
}

/// Windows-1252, which the font is encoded in; what it lacks is a question mark.
fn latin(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        '–' => 0x96,
        '—' => 0x97,
        '’' => 0x92,
        '…' => 0x85,
        letter => u8::try_from(u32::from(letter))
            .ok()
            .filter(|byte| *byte >= 0xa0 || (0x20..0x7f).contains(byte))
            .unwrap_or(b'?'),
    };
    text.chars().map(byte).collect()
}

fn lines(report: &Report) -> Vec<String> {
    let mut out = vec![
        format!("SERVICE MINUTES OF STUDENT {}", report.student_key),
        format!("{}, as of {}, made {}", report.district, report.on, spoken::instant(report.made_at, Tz::UTC)),
        String::new(),
        "Minutes. For every period: owed = delivered + missed + scheduled + unscheduled. Remaining is what is owed, less delivered and excused.".into(),
    ];
    for line in &report.lines {
        out.push(String::new());
        section(line, &mut out);
    }
    out.iter().flat_map(|line| wrapped(line)).collect()
}

fn section(line: &ReportLine, out: &mut Vec<String>) {
    let ledger = &line.ledger;
    out.push(format!("{}: {}", line.service.to_uppercase(), line.written));
    out.push(format!(
        "{}, {}, {} to {}; counted as {}",
        line.school, line.term, ledger.first_on, ledger.last_on, ledger.line
    ));
    out.push(match ledger.short_by {
        0 => "Everything owed is delivered, excused or scheduled.".into(),
        short => format!(
            "Falls short by {short} minutes: {} to make up, {} to be decided, {} not scheduled.",
            ledger.total.to_make_up, ledger.total.to_review, ledger.total.unscheduled
        ),
    });
    out.push(String::new());
    let head = [
        "owed",
        "deliv.",
        "made up",
        "missed",
        "sched.",
        "to log",
        "unsched.",
        "to make up",
        "decide",
        "excused",
        "remaining",
    ];
    let columns = head.map(|name| format!("{name:>11}")).concat();
    out.push(format!("{:<24}{:>5}{columns}", "period", "days"));
    out.extend(ledger.periods.iter().map(period));
    out.push(row("all", "", &ledger.total));
    let missed: Vec<String> = MissReason::ALL
        .iter()
        .filter_map(|reason| Some(format!("{} {}", reason.title().to_lowercase(), ledger.total.missed.get(reason)?)))
        .collect();
    if !missed.is_empty() {
        out.push(format!("Missed: {}.", missed.join(", ")));
    }
    if ledger.total.booked > 0 {
        out.push(format!("Of what is scheduled, booked make-up sessions are to give {}.", ledger.total.booked));
    }
    let beyond = &ledger.total.beyond;
    if beyond.delivered > 0 || beyond.scheduled > 0 {
        out.push(format!("Beyond what is owed: {} delivered, {} scheduled.", beyond.delivered, beyond.scheduled));
    }
    if !line.to_log.is_empty() {
        out.push(String::new());
        out.push("To be logged: these sessions are over, and nothing is said of them".into());
        for one in &line.to_log {
            let nobody = if one.unheld { ", nobody held it: its educator was away" } else { "" };
            out.push(format!("{}  {}-{} {:>4} min{nobody}", one.held_on, one.starts, one.ends, one.minutes));
        }
    }
    out.push(String::new());
    out.push(if line.log.is_empty() { "Nothing is logged.".into() } else { "Log".into() });
    for entry in &line.log {
        let reason = entry.reason.map(|reason| format!(", {}", reason.title().to_lowercase())).unwrap_or_default();
        let again = if entry.version > 1 { format!(" (amended, version {})", entry.version) } else { String::new() };
        let made_up = if entry.makes_up.is_some() { ", makes up another" } else { "" };
        out.push(format!(
            "{}  {:<12}{:<10}{:>4} of {:>4} min{reason}{made_up}{again}",
            entry.held_on,
            times(entry),
            entry.outcome.name(),
            entry.delivered_minutes,
            entry.planned_minutes
        ));
    }
    out.push(String::new());
    out.push("Counted by these policies".into());
    for figure in &ledger.policy {
        let since = figure.effective_on.map(|date| format!(" since {date}")).unwrap_or_default();
        out.push(format!(
            "  {} = {} ({}{since}; {}): {}",
            figure.key,
            figure.value,
            figure.scope,
            figure.standing.name(),
            figure.citation
        ));
    }
}

fn period(period: &PeriodSums) -> String {
    row(&period.period, &period.days.to_string(), &period.sums)
}

fn row(name: &str, days: &str, sums: &Sums) -> String {
    let minutes = [
        sums.owed,
        sums.delivered,
        sums.made_up,
        sums.missed(),
        sums.scheduled,
        sums.to_log(),
        sums.unscheduled,
        sums.to_make_up,
        sums.to_review,
        sums.excused,
        sums.remaining,
    ];
    let columns = minutes.map(|minutes| format!("{minutes:>11}")).concat();
    format!("{name:<24}{days:>5}{columns}")
}

/// Cut where it is too long for the page, at a space where there is one.
fn wrapped(line: &str) -> Vec<String> {
    let mut rest: Vec<char> = line.chars().filter(|letter| !letter.is_control()).collect();
    let mut out = Vec::new();
    while rest.len() > COLUMNS {
        let space = rest[..COLUMNS].iter().rposition(|letter| *letter == ' ').filter(|at| *at > COLUMNS / 2);
        let tail = rest.split_off(space.unwrap_or(COLUMNS));
        out.push(rest.iter().collect());
        rest = "    ".chars().chain(tail.into_iter().skip_while(|letter| *letter == ' ')).collect();
    }
    out.push(rest.iter().collect());
    out
}
