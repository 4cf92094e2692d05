//! Figures as people read them: dollars, percentages, lengths of time, weeks, hours. Dates and times are said as mail
//! says them.

use crate::domain::session::Purpose;
pub use crate::domain::spoken::{day, instant, long_date, meeting, time, times, zone};
use crate::domain::time::Date;
use crate::store::sessions::Listed;

/// `1234567` is `1,234,567`.
pub fn count(number: impl TryInto<i64>) -> String {
    let number: i64 = number.try_into().unwrap_or(i64::MAX);
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Cents as dollars: `$1,234.50`.
pub fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "−" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}${}.{:02}", count(i64::try_from(cents / 100).unwrap_or(i64::MAX)), cents % 100)
}

/// A ratio as a percentage, never rounded down to nothing: `0.4 %`, `< 0.01 %`, `0 %`.
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent <= 0.0 {
        return "0 %".into();
    }
    if percent < 0.01 {
        return "< 0.01 %".into();
    }
    let digits = if percent < 1.0 { 2 } else { 1 };
    let text = format!("{percent:.digits$}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `1 section`, `2 sections`.
pub fn plural(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A kind of service as people write it: `speech-language` is `Speech language`; `SLP` stays.
pub fn kind(service: &str) -> String {
    let mut letters = service.chars().map(|c| if matches!(c, '-' | '_') { ' ' } else { c });
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// What a session is for, to whoever may know: a course, or a kind of service.
pub fn session(listed: &Listed) -> String {
    match &listed.session.meeting.purpose {
        Purpose::Section(_) => listed.course_name.clone().unwrap_or_else(|| "Section".into()),
        Purpose::Service(service) if listed.session.makes_up.is_some() => format!("{}, make-up", kind(service)),
        Purpose::Service(service) => kind(service),
    }
}

/// With a capital letter.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Of what a browser calls itself, the browser and the system: `Firefox 128 on Windows`. Nothing is decided by it.
pub fn browser(agent: &str) -> String {
    // The first that is found: nearly every browser also calls itself those below it.
    const BROWSERS: [(&str, &str); 10] = [
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("EdgiOS/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let found = BROWSERS.iter().find_map(|(mark, name)| agent.split_once(mark).map(|(_, rest)| (*name, rest)));
    let named = found.map(|(name, rest)| {
        let version: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("{name} {version}").trim_end().to_owned()
    });
    let system = SYSTEMS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (named, system) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name,
        (None, Some(system)) => format!("A browser on {system}"),
        // A program that calls itself `curl/8.5`.
        (None, None) => {
            let name: String = agent.split(['/', ' ', '(']).next().unwrap_or_default().chars().take(40).collect();
            if name.is_empty() { "A browser".into() } else { name }
        }
    }
}

/// Whole seconds as `48 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// `November 9 – 15, 2026`, as short as it can be said.
pub fn week(monday: Date) -> String {
    let sunday = monday.plus_days(6);
    let first = match (monday.format("%Y").to_string() == sunday.format("%Y").to_string(), monday.format("%m")) {
        (true, month) if month.to_string() == sunday.format("%m").to_string() => {
            return format!("{} – {}", monday.format("%B %-d"), sunday.format("%-d, %Y"));
        }
        (true, _) => monday.format("%B %-d"),
        (false, _) => monday.format("%B %-d, %Y"),
    };
    format!("{first} – {}", sunday.format("%B %-d, %Y"))
}

/// The hour of a day as a clock says it: `8 AM`, `12 PM`.
pub fn hour(hour: u16) -> String {
    let half = if hour % 24 < 12 { "AM" } else { "PM" };
    format!("{} {half}", if hour.is_multiple_of(12) { 12 } else { hour % 12 })
}

/// `13:05`, as the engine writes clocks, as people here say it: `1:05 PM`. None if it is no clock.
pub fn clock(text: &str) -> Option<String> {
    let time = chrono::NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5)?;
    Some(time.format("%-I:%M %p").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_counts_have_their_commas() {
        assert_eq!(dollars(123_456_789), "$1,234,567.89");
        assert_eq!((dollars(5), dollars(-100_005)), ("$0.05".into(), "−$1,000.05".into()));
        assert_eq!((count(999), count(1000), plural(1, "need")), ("999".into(), "1,000".into(), "1 need".into()));
    }

    #[test]
    fn a_gap_that_is_not_nothing_never_reads_as_nothing() {
        let said: Vec<String> = [0.0, 0.000_01, 0.004, 0.01, 0.1234, 1.0].map(percent).into();
        assert_eq!(said, ["0 %", "< 0.01 %", "0.4 %", "1 %", "12.3 %", "100 %"]);
    }

    #[test]
    fn a_browser_is_called_by_its_name_and_its_system() {
        let agents = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
                "Chrome 128 on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.1",
                "Edge 128 on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:129.0) Gecko/20100101 Firefox/129.0",
                "Firefox 129 on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari 17 on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0 Mobile Safari/537.36",
                "Chrome 127 on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("", "A browser"),
        ];
        for (agent, said) in agents {
            assert_eq!(browser(agent), said);
        }
    }

    #[test]
    fn a_week_is_said_as_shortly_as_it_can_be() {
        let said: Vec<String> =
            [(2026, 11, 9), (2026, 11, 30), (2026, 12, 28)].map(|(y, m, d)| week(Date::ymd(y, m, d))).into();
        let wanted = ["November 9 – 15, 2026", "November 30 – December 6, 2026", "December 28, 2026 – January 3, 2027"];
        assert_eq!(said, wanted);
    }

    #[test]
    fn the_clock_of_the_engine_is_said_in_hours_of_half_a_day() {
        let said: Vec<Option<String>> = ["00:05", "12:00", "13:05", "24:00", "9:05", "x"].map(clock).into();
        let clock = |text: &str| Some(text.to_owned());
        assert_eq!(said, [clock("12:05 AM"), clock("12:00 PM"), clock("1:05 PM"), None, None, None]);
    }
}
