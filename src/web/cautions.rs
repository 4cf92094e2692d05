//! Cautions on the page of a need: what speaks against giving it to somebody, and how that is overridden.

use maud::{Markup, html};

use super::words;
use crate::api::State;
use crate::api::error::Error;
use crate::domain::id::{NeedId, RunId};
use crate::engine::candidates::Warning;
use crate::engine::rule::{Caution, Rule};

/// The cautions that a lock to the chosen educator overrides, all of them known to whoever decides; or why it cannot be.
pub async fn weighed(
    state: &State,
    id: RunId,
    need: NeedId,
    educator: &str,
    overrides: &str,
) -> Result<Result<Vec<String>, String>, Error> {
    let found = state.candidates(id, need).await?;
    let Some(candidate) = found.into_iter().find(|candidate| candidate.educator == educator) else {
        return Ok(Err("The run knows no such educator: plan again, and decide there.".into()));
    };
    if let Some(because) = candidate.refused {
        let rule = Rule::ALL.iter().find(|rule| rule.code() == because.rule);
        let (title, remedy) = rule.map_or(("", ""), |rule| (rule.title(), rule.remedy()));
        return Ok(Err(format!(
            "A rule stands against it, which no reason overrides: {title} ({}). What would help: {remedy}; then plan again.",
            because.rule
        )));
    }
    let known: Vec<&str> = overrides.split(',').collect();
    let codes: Vec<String> = candidate.warnings.into_iter().map(|warning| warning.code).collect();
    if codes.iter().any(|code| !known.contains(&code.as_str())) {
        return Ok(Err(
            "Something speaks against it, and stands with the reason below: tick the box there to decide it \
                       all the same, or choose somebody else."
                .into(),
        ));
    }
    Ok(Ok(codes))
}

/// What speaks against whoever is chosen, and the box that overrides it.
pub fn against(name: &str, warnings: &[Warning], ticked: &str) -> Markup {
    let codes = warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>().join(",");
    html! {
        fieldset #against {
            legend { "What speaks against " (name) }
            ul { @for warning in warnings { li { strong { (words::kind(caution_title(&warning.code))) } @if says_more(warning) { ": " (warning.said) } } } }
            label.check {
                input type="checkbox" name="overrides" value=(codes) checked[ticked == codes];
                span { "I know this and decide it all the same: the reason says why, and stays with the lock and on the board." }
            }
        }
    }
}

/// The same in a row of candidates.
pub fn list(warnings: &[Warning]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            ul.plain.small.warnings { @for warning in warnings { li { span.badge.warn { (caution_title(&warning.code)) } @if says_more(warning) { " " (warning.said) } } } }
        }
    }
}

/// Whether there is more to it than its title.
fn says_more(warning: &Warning) -> bool {
    let same = [Caution::Takes.code(), Caution::Displaces.code()].contains(&warning.code.as_str());
    !same || warning.said.bytes().any(|byte| byte.is_ascii_digit())
}

/// What a caution is called, from the catalogue.
fn caution_title(code: &str) -> &str {
    Caution::ALL.iter().find(|caution| caution.code() == code).map_or(code, |caution| caution.title())
}

/// What a lock was decided against.
pub fn overridden(codes: &[String]) -> Markup {
    html! {
        @for code in codes { " " span.badge.warn { "overrides: " (caution_title(code)) } }
    }
}
