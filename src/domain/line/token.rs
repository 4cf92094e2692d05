//! Cuts a written line into numbers, units and signs. Knows nothing of what they amount to.

use super::Interval;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Number(i64),
    /// A dash between two numbers.
    Dash,
    /// `/`, `per`, `a`, `each`, `every`.
    Per,
    Cross,
    Minutes,
    Hours,
    Times,
    Interval(Interval),
    /// `6-day cycle`.
    CycleOf(i64),
    /// `weekly`: an interval that needs no `per`.
    Adverb(Interval),
    /// A word that says nothing about amounts.
    Word,
    /// Punctuation, and the small words between an amount and what it is of.
    Mark,
}

fn interval(word: &str) -> Option<Interval> {
    Some(match word {
        "day" | "days" => Interval::Day,
        "week" | "weeks" | "wk" | "wks" | "w" => Interval::Week,
        "cycle" | "cycles" => Interval::Cycle,
        "month" | "months" | "mo" | "mth" => Interval::Month,
        "quarter" | "quarters" | "qtr" => Interval::Quarter,
        "semester" | "semesters" | "sem" => Interval::Semester,
        "year" | "years" | "yr" | "annum" => Interval::Year,
        _ => return None,
    })
}

fn word(word: &str) -> Token {
    const COUNTS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    if let Some(interval) = interval(word) {
        return Token::Interval(interval);
    }
    if let Some(n) = COUNTS.iter().position(|count| *count == word) {
        return Token::Number(i64::try_from(n).unwrap_or(0));
    }
    match word {
        "per" | "a" | "an" | "each" | "every" => Token::Per,
        "x" => Token::Cross,
        "min" | "mins" | "minute" | "minutes" | "m" => Token::Minutes,
        "hour" | "hours" | "hr" | "hrs" | "h" => Token::Hours,
        "time" | "times" | "session" | "sessions" | "visit" | "visits" => Token::Times,
        "daily" => Token::Adverb(Interval::Day),
        "weekly" => Token::Adverb(Interval::Week),
        "monthly" => Token::Adverb(Interval::Month),
        "quarterly" => Token::Adverb(Interval::Quarter),
        "yearly" | "annually" | "annual" => Token::Adverb(Interval::Year),
        "for" | "of" | "at" | "in" => Token::Mark,
        _ => Token::Word,
    }
}

pub fn tokens(text: &str) -> Vec<Token> {
    // "Once" and "twice" are counts of times.
    let text = format!(" {text} ").replace(" once ", " 1 times ").replace(" twice ", " 2 times ");
    let text = text.replace(" half hour", " 30 min").replace(" half-hour", " 30 min").replace(" 1:1", " individual");
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let run = |same: fn(&char) -> bool| rest.find(|c: char| !same(&c)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() {
            let length = run(char::is_ascii_digit);
            found.push(Token::Number(rest[..length].parse().unwrap_or(i64::MAX)));
            length
        } else if first.is_alphabetic() {
            let length = run(|c| c.is_alphabetic());
            // `6mx30st`, `2x30`, `5x/week`: letters that stand against numbers are signs.
            let after_number = matches!(found.last(), Some(Token::Number(_)));
            match coded(&rest[..length])
                .filter(|_| after_number && rest[length..].starts_with(|c: char| c.is_ascii_digit()))
            {
                Some(interval) => found.extend([Token::Per, Token::Interval(interval), Token::Cross]),
                None => found.push(word(&rest[..length])),
            }
            length
        } else {
            match first {
                '/' => found.push(Token::Per),
                '-' => found.push(Token::Dash),
                c if c.is_whitespace() => {}
                _ => found.push(Token::Mark),
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    cycles(found)
}

/// Ambiki's short codes: `6Mx30` is six a month.
fn coded(letters: &str) -> Option<Interval> {
    Some(match letters {
        "dx" => Interval::Day,
        "wx" => Interval::Week,
        "mx" => Interval::Month,
        "qx" => Interval::Quarter,
        "sx" => Interval::Semester,
        "yx" => Interval::Year,
        _ => return None,
    })
}

/// Number, dash, `day`, `cycle` is one sign; so is the word `cycle` after `6 day`.
fn cycles(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined = Vec::new();
    let mut rest = &tokens[..];
    loop {
        rest = match rest {
            [] => return joined,
            [
                Token::Number(days),
                Token::Dash,
                Token::Interval(Interval::Day),
                Token::Interval(Interval::Cycle),
                rest @ ..,
            ]
            | [Token::Number(days), Token::Interval(Interval::Day), Token::Interval(Interval::Cycle), rest @ ..] => {
                joined.push(Token::CycleOf(*days));
                rest
            }
            [first, rest @ ..] => {
                joined.push(first.clone());
                rest
            }
        };
    }
}
