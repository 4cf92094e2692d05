//! What pages about vacancies share: a stage as a badge, terms on both clocks, lengths of time, and how to answer.

use maud::{Markup, html};

use crate::domain::time::Tz;
use crate::domain::vacancy::Stage;
use crate::domain::vacancy::letters::moment;
use crate::domain::vacancy::terms::{Class, Said, Terms};
use crate::store::vacancies::Offer;
use crate::web::layout::figure;
use crate::web::words;

/// Patterns of one class that are listed.
const LISTED: usize = 12;

pub fn badge(stage: Stage) -> Markup {
    let kind = match stage {
        Stage::Live => "good",
        Stage::Declined | Stage::Expired => "bad",
        Stage::Draft | Stage::Ending | Stage::Closed | Stage::Withdrawn | Stage::Cancelled => "soft",
        Stage::Open => "warn",
        _ => "live",
    };
    html! { span class=(format!("badge {kind}")) { (words::kind(&stage.title())) } }
}

/// When classes meet, on the school's clock first or, for whoever teaches them, on their own.
pub fn classes(of: &[Class], own_first: bool) -> Markup {
    html! {
        @for class in of {
            h3 { (class.course) ", " (class.school) }
            @if class.patterns.is_empty() { p.soft { "No meetings from now on: look at its bell periods and the calendar of the district." } }
            ul.day-list {
                @for Said { days, school, own, dates } in class.said().into_iter().take(LISTED) {
                    li {
                        @match own {
                            None => { (days) " " (school) }
                            Some(own) if own_first => { (days) " " (own) span.soft { " · there " (school) } }
                            Some(own) => { (days) " " (school) span.soft { " · for the educator " (own) } }
                        }
                        div.soft.small { (dates) }
                    }
                }
                @if class.patterns.len() > LISTED { li { "and " (class.patterns.len() - LISTED) " other times" } }
            }
        }
    }
}

/// All that somebody decides by.
pub fn terms(terms: &Terms, own_first: bool) -> Markup {
    html! {
        dl.figures {
            (figure(&words::count(terms.weekly_minutes), "minutes in the fullest week"))
            @if let Some(cents) = terms.pay_cents_per_week { (figure(&words::dollars(cents), "pay for that week")) }
            (figure(&words::count(terms.total_minutes), "minutes in all"))
            (figure(&words::count(terms.courses_to_prepare.len()), if terms.courses_to_prepare.len() == 1 { "course to prepare" } else { "courses to prepare" }))
        }
        p.soft { (terms.courses_to_prepare.join(", ")) }
        (classes(&terms.sections, own_first))
        @if !terms.papers.is_empty() {
            h3 { "License and clearance" }
            ul { @for paper in &terms.papers { li { (paper.said()) } } }
        }
    }
}

/// A proposal or an offer as it ended, in a line.
pub fn offered(offer: &Offer, tz: Tz) -> Markup {
    let kind = match offer.state.as_str() {
        "accepted" => "good",
        "declined" | "expired" => "bad",
        "waiting" => "warn",
        _ => "soft",
    };
    html! {
        span class=(format!("badge {kind}")) { (words::kind(&offer.state)) } " "
        @if offer.is_proposal() { "Proposal: " } @else { "Offer: " } (offer.educator_name)
        div.soft.small {
            (moment(offer.answered_at.unwrap_or(offer.made_at), tz))
            @if let Some(reason) = &offer.reason { " · “" (reason) "”" }
        }
    }
}

/// The two ways to answer. `on` tells the forms of several offers apart.
pub fn answer(offer: &Offer, on: &str, accept: &str, ban: &str) -> Markup {
    let reason = format!("reason-{on}");
    html! {
        form method="post" action=(format!("/offers/{}/accept", offer.id)) {
            button type="submit" { (accept) }
        }
        details {
            summary { "Decline" }
            form method="post" action=(format!("/offers/{}/decline", offer.id)) {
                div.field {
                    label for=(reason) { "Why" }
                    input id=(reason) name="reason" required maxlength="500" autocomplete="off";
                }
                label.check { input type="checkbox" name="veto" value="yes"; span { (ban) } }
                button.danger type="submit" { "Decline" }
            }
        }
    }
}

/// Minutes as people count them while they wait: `5 h`, `12 days`.
pub fn spent(minutes: i64) -> String {
    match minutes {
        ..60 => format!("{} min", minutes.max(0)),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", words::count(minutes / 1440)),
    }
}

/// Days until an answer is due, to choose from.
pub fn deadline(name: &str, usual: i64) -> Markup {
    html! {
        div.field {
            label for=(name) { "Answer within" }
            select id=(name) name="days" {
                @for days in [1, 2, 3, 5, 7, 14] {
                    option value=(days) selected[days == usual] { (days) @if days == 1 { " day" } @else { " days" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_counted_in_the_unit_that_matters() {
        assert_eq!([5, 60, 2879, 2880, 20_000].map(spent), ["5 min", "1 h", "47 h", "2 days", "13 days"]);
    }
}
