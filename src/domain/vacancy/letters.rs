//! What is written about vacancies: proposals to districts, offers to educators, and what became of them to the office.
//! Reasons stay on the pages: they may be about somebody.

use chrono::{DateTime, Utc};

use super::terms::{Said, Terms};
use crate::domain::id::VacancyId;
use crate::domain::mail::Notice;
use crate::domain::spoken::{day, time};
use crate::domain::time::{Date, Tz};

/// Patterns of one class that a mail lists.
const LISTED: usize = 6;

/// Which vacancy a letter is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub id: VacancyId,
    pub title: &'a str,
    pub district: &'a str,
}

/// `Fri, Dec 4, 5:00 PM MST`
#[must_use]
pub fn moment(at: DateTime<Utc>, tz: Tz) -> String {
    format!("{}, {}", day(Date(at.with_timezone(&tz).date_naive())), time(at, tz))
}

fn facts(terms: &Terms, deadline: &str) -> Vec<(String, String)> {
    let mut facts = vec![("Answer by".to_owned(), deadline.to_owned())];
    for class in &terms.sections {
        let both = |Said { days, school, own, dates }: Said| {
            let own = own.map_or_else(String::new, |own| format!(" ({own} where the educator is)"));
            format!("{days} {school}{own}; {dates}")
        };
        let mut times: Vec<String> = class.said().into_iter().map(both).collect();
        if times.len() > LISTED {
            let more = times.len() - LISTED;
            times.truncate(LISTED);
            times.push(format!("and {more} other times, on the page"));
        }
        facts.push((format!("{}, {}", class.course, class.school), times.join(" / ")));
    }
    facts.push(("Minutes in the fullest week".into(), terms.weekly_minutes.to_string()));
    facts.push(("Courses to prepare".into(), terms.courses_to_prepare.join(", ")));
    facts.extend(terms.papers.iter().map(|paper| ("License or clearance".into(), paper.said())));
    if let Some(cents) = terms.pay_cents_per_week {
        facts.push(("Pay for that week".into(), format!("${}.{:02}", cents / 100, cents % 100)));
    }
    facts
}

fn to_the_vacancy(about: About<'_>) -> (String, String) {
    ("The vacancy".into(), format!("/vacancies/{}", about.id))
}

/// To a district's HR: somebody is proposed. `deadline` as they read it.
#[must_use]
pub fn proposal(about: About<'_>, educator: &str, terms: &Terms, deadline: &str) -> Notice {
    Notice {
        subject: format!("A proposal for {}", about.title),
        text: vec![format!(
            "{educator} is proposed for your vacancy {}. Accept, or decline with a reason, on its page.",
            about.title
        )],
        facts: facts(terms, deadline),
        link: Some(("Answer".into(), format!("/vacancies/{}", about.id))),
    }
}

/// To an educator: the vacancy is theirs to take.
#[must_use]
pub fn offer(about: About<'_>, terms: &Terms, deadline: &str) -> Notice {
    Notice {
        subject: format!("An offer: {}, {}", about.title, about.district),
        text: vec![
            "These classes are offered to you. Accept, or decline with a reason, on the page of your offers.".into(),
        ],
        facts: facts(terms, deadline),
        link: Some(("Answer".into(), "/offers".into())),
    }
}

/// What became of a proposal or an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    Declined,
    Expired,
}

/// To the office: the district or the educator has answered, or has not.
#[must_use]
pub fn answered(about: About<'_>, educator: &str, is_proposal: bool, outcome: Outcome) -> Notice {
    let who = if is_proposal { about.district } else { educator };
    let what = if is_proposal { format!("the proposal of {educator}") } else { "the offer".into() };
    let (short, text, next) = match outcome {
        Outcome::Accepted if is_proposal => ("Accepted", format!("{who} has accepted {what}."), "Make the offer."),
        Outcome::Accepted => ("Accepted", format!("{who} has accepted {what}."), "Look at license and clearance."),
        Outcome::Declined => {
            ("Declined", format!("{who} has declined {what}; the reason stands on the page."), "Propose somebody else.")
        }
        Outcome::Expired => {
            ("Not answered", format!("{who} has not answered {what} in time."), "Propose again, or somebody else.")
        }
    };
    Notice {
        subject: format!("{short}: {}, {}", about.title, about.district),
        text: vec![text, next.into()],
        facts: vec![("Educator".into(), educator.into())],
        link: Some(to_the_vacancy(about)),
    }
}

/// To whoever was asked: they need not answer any more.
#[must_use]
pub fn taken_back(about: About<'_>, is_proposal: bool) -> Notice {
    let what = if is_proposal { "The proposal" } else { "The offer" };
    Notice {
        subject: format!("No answer is needed: {}, {}", about.title, about.district),
        text: vec![format!("{what} for {} was taken back. There is nothing to answer any more.", about.title)],
        facts: Vec::new(),
        link: Some(if is_proposal { to_the_vacancy(about) } else { ("Your offers".into(), "/offers".into()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RecordId as _;
    use crate::domain::time::Weekday;
    use crate::domain::vacancy::terms::{Class, Paper, Pattern};

    #[test]
    fn an_offer_says_both_clocks_minutes_courses_and_pay_and_a_proposal_no_pay() {
        let clock = |text: &str| text.parse().expect("a clock");
        let pattern = Pattern {
            days: vec![Weekday::Mon],
            starts: clock("13:00"),
            ends: clock("13:50"),
            own_starts: clock("10:00"),
            own_ends: clock("10:50"),
            first_on: Date::ymd(2026, 9, 7),
            last_on: Date::ymd(2026, 10, 26),
            meetings: 8,
        };
        let class = Class {
            course: "Algebra I".into(),
            school: "Lincoln".into(),
            tz: Tz::America__New_York,
            own_tz: Tz::America__Phoenix,
            patterns: vec![pattern],
        };
        let terms = Terms {
            sections: vec![class],
            weekly_minutes: 250,
            total_minutes: 2000,
            courses_to_prepare: vec!["Algebra I".into()],
            pay_cents_per_week: Some(21_205),
            papers: vec![Paper { what: "NY license in mathematics".into(), expires_on: Some(Date::ymd(2027, 6, 30)) }],
        };
        let about = About { id: VacancyId::fresh(), title: "Mathematics", district: "Hudson Falls" };
        let at = "2026-09-01T00:00:00Z".parse().expect("an instant");
        let letter = offer(about, &terms, &moment(at, Tz::America__Phoenix));
        let said: Vec<String> = letter.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected = [
            "Answer by: Mon, Aug 31, 5:00 PM MST",
            "Algebra I, Lincoln: Mon 1:00–1:50 PM EDT (10:00–10:50 AM MST where the educator is); \
             8 meetings, September 7, 2026 to October 26, 2026",
            "Minutes in the fullest week: 250",
            "Courses to prepare: Algebra I",
            "License or clearance: NY license in mathematics, until June 30, 2027",
            "Pay for that week: $212.05",
        ];
        assert_eq!(said, expected);
        let letter = proposal(about, "Ana", &Terms { pay_cents_per_week: None, ..terms }, "soon");
        assert!(letter.facts.iter().all(|(name, _)| !name.contains("Pay")), "{letter:?}");
        assert_eq!(letter.link.map(|(_, path)| path), Some(format!("/vacancies/{}", about.id)));
    }

    #[test]
    fn the_office_hears_what_became_of_it_and_what_to_do_next() {
        let about = About { id: VacancyId::fresh(), title: "Mathematics", district: "Hudson Falls" };
        let said = |is_proposal, outcome| answered(about, "Ana", is_proposal, outcome).text.join(" ");
        assert_eq!(said(true, Outcome::Accepted), "Hudson Falls has accepted the proposal of Ana. Make the offer.");
        assert_eq!(said(false, Outcome::Accepted), "Ana has accepted the offer. Look at license and clearance.");
        assert!(said(false, Outcome::Declined).contains("the reason stands on the page"));
        assert!(said(true, Outcome::Expired).starts_with("Hudson Falls has not answered"));
    }
}
