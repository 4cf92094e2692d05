//! Checks of educators.

use super::Problem;
use super::findings::{Findings, MAX_COUNT};

pub fn check(problem: &Problem, findings: &mut Findings) {
    for (n, educator) in problem.educators.iter().enumerate() {
        let at = format!("/educators/{n}");
        for (m, license) in educator.licenses.iter().enumerate() {
            let at = format!("{at}/licenses/{m}");
            findings.dates(&at, ("issued", Some(license.issued)), ("expires", Some(license.expires)));
        }
        for (m, window) in educator.availability.iter().enumerate() {
            let at = format!("{at}/availability/{m}");
            findings.clocks(&at, window.start, window.end);
            findings.not_empty(&at, "days", &window.days);
            findings.no_repeats(&at, "days", &window.days);
        }
        for (m, off) in educator.time_off.iter().enumerate() {
            findings.dates(&format!("{at}/time_off/{m}"), ("first", Some(off.first)), ("last", Some(off.last)));
        }
        for (field, limit) in [
            ("max_minutes_per_week", educator.max_minutes_per_week),
            ("max_minutes_per_day", educator.max_minutes_per_day),
            ("max_preps", educator.max_preps),
            ("max_sections", educator.max_sections),
            ("max_students", educator.max_students.unwrap_or(0)),
        ] {
            findings.number(&at, field, limit, 0..=MAX_COUNT);
        }
        findings.number(&at, "buffer_minutes", educator.buffer_minutes, 0..=1440);
        findings.cents(&at, "pay_cents_per_minute", educator.pay_cents_per_minute);
        findings.cents(&at, "activation_cents", educator.activation_cents);
        findings.cents(&at, "prep_cents", educator.prep_cents);
    }
}
