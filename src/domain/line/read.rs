//! Reads a service line as people write it ("Speech, individual, 2 × 30 min/week") into its [`Form`], and refuses what
//! commits nobody to anything. Wording rules: Wisconsin's compliance checklist (domain.md §3b.1).

use super::token::{Token, tokens};
use super::{Form, Grouping, Interval, LineIssue, Minutes, Setting};

/// A range wider than this is no commitment (Wisconsin DPI: generally fifteen minutes at most).
pub const WIDEST_RANGE: i64 = 15;
/// Most minutes of a line, and most sessions: above them it is a slip of the pen.
const MOST_MINUTES: i64 = 200_000;
const MOST_TIMES: i64 = 1000;

/// Words that leave the amount open.
const VAGUE: [&str; 15] = [
    "as needed",
    "as deemed",
    "as necessary",
    "as appropriate",
    "when appropriate",
    "if appropriate",
    "when needed",
    "if needed",
    "available",
    "prn",
    "flexible",
    "varies",
    "as determined",
    "as requested",
    "to be determined",
];
/// Words that set only one end of a range.
const ONE_SIDED: [&str; 11] = [
    "minimum",
    "at least",
    "no less than",
    "not less than",
    "maximum",
    "at most",
    "up to",
    "no more than",
    "not to exceed",
    "approximately",
    " about ",
];
/// Words that make the service hang on a circumstance, or on more than one period.
const CONDITIONAL: [&str; 9] =
    [" if ", " when ", " unless ", " except ", " during ", "every other", "biweekly", "bi-weekly", "alternate"];
/// Words that begin a second line.
const SEVERAL: [&str; 5] = [" and ", " plus ", ";", "&", "\n"];

/// The line in its normal form.
///
/// # Errors
/// A [`LineIssue`] with its code: `L01` vague, `L02` one-sided, `L03` hangs on a circumstance, `L04` several lines,
/// `L05` no interval, `L06` no minutes, `L07` a range too wide or turned round, `L08` contradicts itself, `L09` out of
/// any measure.
pub fn read(written: &str) -> Result<Form, LineIssue> {
    let text = plain(written);
    refuse_wording(&text)?;
    let mut found = Found::default();
    found.read(&tokens(&text))?;
    let mut form = found.form()?;
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    form.grouping = match (says(&["individual", "1:1", "one-on-one"]), says(&["group"])) {
        (true, true) => return Err(issue("L08", "both individual and group", "write one line for each")),
        (true, false) => Some(Grouping::Individual),
        (false, true) => Some(Grouping::Group),
        (false, false) => None,
    };
    form.setting = match (says(&["push-in", "push in", "pushin"]), says(&["pull-out", "pull out", "pullout"])) {
        (true, true) => return Err(issue("L08", "both push-in and pull-out", "write one line for each")),
        (true, false) => Some(Setting::PushIn),
        (false, true) => Some(Setting::PullOut),
        (false, false) => None,
    };
    form.indirect = says(&["consult", "indirect"]);
    Ok(form)
}

fn issue(code: &'static str, cause: impl Into<String>, action: &'static str) -> LineIssue {
    LineIssue { code, cause: cause.into(), action }
}

/// Lower case, one kind of cross and dash, no commas inside numbers, number words as digits.
fn plain(written: &str) -> String {
    let letters: Vec<char> = written.trim().to_lowercase().chars().collect();
    let mut text = String::new();
    for (n, &letter) in letters.iter().enumerate() {
        let digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
        match letter {
            '×' | '✕' | '✖' | '*' => text.push('x'),
            '–' | '—' | '−' | '‑' => text.push('-'),
            ',' if digit(n.checked_sub(1)) && digit(Some(n + 1)) => {}
            other => text.push(other),
        }
    }
    text
}

fn refuse_wording(text: &str) -> Result<(), LineIssue> {
    let spaced = format!(" {text} ");
    let letters: Vec<char> = text.chars().collect();
    let broken = |w: &[char]| w[0].is_ascii_digit() && matches!(w[1], '.' | '/') && w[2].is_ascii_digit();
    if letters.windows(3).any(broken) {
        return Err(issue("L08", "a fraction or a date is not an amount", "write whole minutes, and no dates"));
    }
    let has = |words: &[&'static str]| words.iter().find(|word| spaced.contains(*word)).copied();
    if let Some(word) = has(&VAGUE) {
        let action =
            "say how many minutes, how often; or name the circumstances in the IEP's text and leave them out here";
        return Err(issue("L01", format!("{word:?} commits nobody to an amount"), action));
    }
    if let Some(word) = has(&ONE_SIDED) {
        let action = "give the minutes, or a range of at most 15 minutes that the student needs";
        return Err(issue("L02", format!("{:?} gives only one end of an amount", word.trim()), action));
    }
    if let Some(word) = has(&CONDITIONAL) {
        let action = "give the amount of each week, month or year; write a service that a circumstance calls for apart";
        return Err(issue("L03", format!("{:?} makes the amount hang on something else", word.trim()), action));
    }
    if let Some(word) = has(&SEVERAL) {
        let action = "write each service as a line of its own";
        return Err(issue("L04", format!("{:?} joins several lines", word.trim()), action));
    }
    Ok(())
}

/// What a line has said so far.
#[derive(Default)]
struct Found {
    times: Option<i64>,
    interval: Option<Interval>,
    cycle_days: Option<i64>,
    minutes: Option<Minutes>,
    /// Numbers without a unit, in order, and whether a cross or an interval follows, as it does a count.
    bare: Vec<(Minutes, bool)>,
    /// Numbers that belong to words: of a room, a grade.
    unclear: Vec<i64>,
}

impl Found {
    fn read(&mut self, tokens: &[Token]) -> Result<(), LineIssue> {
        use Token::{Adverb, Cross, CycleOf, Dash, Hours, Minutes as Min, Number, Per, Times};
        let mut rest = tokens;
        let mut after_word = false;
        loop {
            let number_of_word = std::mem::replace(&mut after_word, matches!(rest, [Token::Word, ..]));
            rest = match rest {
                [] => return Ok(()),
                // A range with its unit on either or both numbers.
                [Number(a), Dash, Number(b), Min, rest @ ..] | [Number(a), Min, Dash, Number(b), Min, rest @ ..] => {
                    self.minutes(range(*a, *b)?)?;
                    rest
                }
                [Number(a), Dash, Number(b), rest @ ..] => {
                    self.bare.push((range(*a, *b)?, false));
                    rest
                }
                [Number(n), Min, rest @ ..] | [Number(n), Dash, Min, rest @ ..] => {
                    self.minutes(Minutes::exactly(*n))?;
                    rest
                }
                [Number(n), Hours, rest @ ..] => {
                    self.minutes(Minutes::exactly(n.saturating_mul(60)))?;
                    rest
                }
                // `2x/week`, `2 x per week`, `2 times`: a count; `2 x 30`: a count of the number after.
                [Number(n), Times, rest @ ..] => {
                    self.times(*n)?;
                    rest
                }
                [Number(n), Cross, rest @ ..] if !matches!(rest, [Number(_), ..]) => {
                    self.times(*n)?;
                    rest
                }
                [Number(n), Cross, rest @ ..] => {
                    self.bare.push((Minutes::exactly(*n), true));
                    rest
                }
                // `30 min x 2`: the number after the cross is the count.
                [Cross, Number(n), rest @ ..] if self.minutes.is_some() && self.times.is_none() => {
                    self.times(*n)?;
                    rest
                }
                [Number(n), rest @ ..] => {
                    let counts = matches!(rest, [Per, ..]);
                    if number_of_word && !counts {
                        self.unclear.push(*n);
                    } else {
                        self.bare.push((Minutes::exactly(*n), counts));
                    }
                    rest
                }
                [Per, CycleOf(days), rest @ ..] | [CycleOf(days), rest @ ..] => {
                    self.interval(Interval::Cycle)?;
                    self.cycle_days = Some(*days);
                    rest
                }
                [Per, Token::Interval(interval), rest @ ..] | [Adverb(interval), rest @ ..] => {
                    self.interval(*interval)?;
                    rest
                }
                [_, rest @ ..] => rest,
            };
        }
    }

    fn times(&mut self, n: i64) -> Result<(), LineIssue> {
        match self.times.replace(n) {
            Some(before) if before != n => Err(contradiction(before, n, "sessions")),
            _ => Ok(()),
        }
    }

    fn minutes(&mut self, minutes: Minutes) -> Result<(), LineIssue> {
        match self.minutes.replace(minutes) {
            Some(before) if before != minutes => Err(contradiction(before, minutes, "minutes")),
            _ => Ok(()),
        }
    }

    fn interval(&mut self, interval: Interval) -> Result<(), LineIssue> {
        match self.interval.replace(interval) {
            Some(before) if before != interval => Err(contradiction(before.name(), interval.name(), "intervals")),
            _ => Ok(()),
        }
    }

    /// Gives numbers without a unit the part that is still open, and puts everything together.
    fn form(mut self) -> Result<Form, LineIssue> {
        match (self.times, self.minutes, &self.bare[..]) {
            (_, _, []) if self.unclear.is_empty() => {}
            (None, None, [(times, true), (minutes, _)]) if times.least == times.most && self.unclear.is_empty() => {
                let turned = times.least >= 10 && minutes.most < 10;
                let (times, minutes) = if turned { (*minutes, *times) } else { (*times, *minutes) };
                (self.times, self.minutes) = (Some(times.least), Some(minutes));
            }
            (None, Some(_), [(times, true)]) if self.unclear.is_empty() => self.times = Some(times.least),
            (Some(_), None, [(minutes, _)]) if self.unclear.is_empty() => self.minutes = Some(*minutes),
            (_, _, more) => {
                let bare = more.iter().map(|(number, _)| number.to_string());
                let numbers: Vec<String> = bare.chain(self.unclear.iter().map(ToString::to_string)).collect();
                let cause = format!("it is not clear what {} counts", numbers.join(" and "));
                return Err(issue("L08", cause, "say min after minutes and x after sessions: 2x 30 min/week"));
            }
        }
        let Some(interval) = self.interval else {
            let action = "say per day, week, cycle, month, quarter, semester or year";
            return Err(issue("L05", "nothing says over what time the amount is owed", action));
        };
        let Some(minutes) = self.minutes else {
            let action = "give the minutes of a session, or the minutes in all";
            return Err(issue("L06", "no minutes are given", action));
        };
        if !(1..=MOST_MINUTES).contains(&minutes.least) || minutes.most > MOST_MINUTES {
            return Err(issue("L09", format!("{minutes} minutes are out of any measure"), "correct the number"));
        }
        if self.times.is_some_and(|times| !(1..=MOST_TIMES).contains(&times)) {
            return Err(issue("L09", "the number of sessions is out of any measure", "correct the number"));
        }
        if self.cycle_days.is_some_and(|days| !(1..=20).contains(&days)) {
            return Err(issue("L09", "a cycle has from 1 to 20 days", "correct the number"));
        }
        let form = match self.times {
            Some(times) => Form::sessions(times, interval, minutes),
            None => Form::minutes(minutes, interval),
        };
        Ok(Form { cycle_days: self.cycle_days, ..form })
    }
}

fn contradiction(before: impl std::fmt::Display, now: impl std::fmt::Display, what: &str) -> LineIssue {
    issue("L08", format!("it gives {before} and {now} {what}"), "write each service as a line of its own")
}

fn range(least: i64, most: i64) -> Result<Minutes, LineIssue> {
    if least >= most {
        return Err(issue("L07", format!("{least}–{most} is turned round"), "give the smaller number first"));
    }
    if most.saturating_sub(least) > WIDEST_RANGE {
        let cause = format!("{least}–{most} is wider than {WIDEST_RANGE} minutes");
        return Err(issue("L07", cause, "narrow the range to what the student needs"));
    }
    Ok(Minutes { least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_seen_in_the_wild_has_its_normal_form() {
        use Interval::{Cycle, Day, Month, Quarter, Semester, Week, Year};
        for (text, times, interval, session, total) in [
            ("30 min 2×/week", Some(2), Week, Some(30), 60),
            ("2 x 30 min per week", Some(2), Week, Some(30), 60),
            ("2x30/wk", Some(2), Week, Some(30), 60),
            ("30 x 2/week", Some(2), Week, Some(30), 60),
            ("30 min x 2/week", Some(2), Week, Some(30), 60),
            ("30 minutes, twice a week", Some(2), Week, Some(30), 60),
            ("Speech Therapy, Individual, 2 × 30 min/week", Some(2), Week, Some(30), 60),
            ("three times per week for 30 minutes", Some(3), Week, Some(30), 90),
            ("5×/week 42 min (resource room)", Some(5), Week, Some(42), 210),
            ("60 min/week", None, Week, None, 60),
            ("1 hour per week", None, Week, None, 60),
            ("120 min/month", None, Month, None, 120),
            ("90 minutes monthly", None, Month, None, 90),
            ("6Mx30ST", Some(6), Month, Some(30), 180),
            ("6 per month × 30", Some(6), Month, Some(30), 180),
            ("1×/month 30", Some(1), Month, Some(30), 30),
            ("1,080 min/year", None, Year, None, 1080),
            ("1,080 min/yr", None, Year, None, 1080),
            ("850 min/week", None, Week, None, 850),
            ("18 sessions/semester, 30 min", Some(18), Semester, Some(30), 540),
            ("9 sessions per quarter of 20 minutes", Some(9), Quarter, Some(20), 180),
            ("3 x 30 min per 6-day cycle", Some(3), Cycle, Some(30), 90),
            ("30 min daily", None, Day, None, 30),
            ("consult 15 min/month", None, Month, None, 15),
            ("30-minute sessions 2x/week", Some(2), Week, Some(30), 60),
        ] {
            let form = read(text).unwrap_or_else(|issue| panic!("{text}: {issue}"));
            let found = (form.times, form.interval, form.session, form.total);
            assert_eq!(found, (times, interval, session.map(Minutes::exactly), Minutes::exactly(total)), "{text}");
            assert_eq!(read(&form.to_string()).map(|again| again.total), Ok(form.total), "{form} is read again");
        }
    }

    #[test]
    fn ranges_settings_and_groups_are_kept() {
        let form = read("Speech, group, push-in, 30–45 min × 3/wk").expect("reads");
        assert_eq!((form.times, form.session), (Some(3), Some(Minutes { least: 30, most: 45 })));
        assert_eq!(form.total, Minutes { least: 90, most: 135 });
        assert_eq!((form.grouping, form.setting), (Some(Grouping::Group), Some(Setting::PushIn)));
        assert_eq!(read("6-day cycle: 3 x 20 min").map(|form| form.cycle_days), Ok(Some(6)));
        assert!(read("consultation to staff 15 min/month").expect("reads").indirect);
    }

    #[test]
    fn what_commits_nobody_is_refused_with_its_code() {
        for (text, code) in [
            ("as needed", "L01"),
            ("30 min per week as deemed necessary", "L01"),
            ("available daily", "L01"),
            ("when appropriate, 30 min/week", "L01"),
            ("minimum of 15 minutes per week", "L02"),
            ("up to 30 min/week", "L02"),
            ("30 min every other week", "L03"),
            ("30 min/week during testing", "L03"),
            ("2 x 30/wk individual and 1 x 30/wk group", "L04"),
            ("850 min/week; ESY 60 min/week", "L04"),
            ("2 x 30 min", "L05"),
            ("twice a week", "L06"),
            ("speech therapy", "L05"),
            ("", "L05"),
            ("30-60 min 2x/week", "L07"),
            ("45-30 min 2x/week", "L07"),
            ("30 min 2x/week 3x/week", "L08"),
            ("2 3 4 per week", "L08"),
            ("individual group 2 x 30 min/week", "L08"),
            ("1.5 hours per week", "L08"),
            ("1/2 hour per week", "L08"),
            ("group of 3, 30 min/week", "L08"),
            ("room 12, 2x/week 30 min", "L08"),
            ("grade 3 speech 30 min/week", "L08"),
            ("0 min/week", "L09"),
            ("99999999999999999999 min/week", "L09"),
            ("0 x 30 min/week", "L09"),
        ] {
            match read(text) {
                Err(found) => {
                    assert_eq!(found.code, code, "{text}: {found}");
                    assert!(!found.cause.is_empty() && !found.action.is_empty(), "{text}");
                }
                Ok(form) => panic!("{text} is read as {form}"),
            }
        }
    }
}
