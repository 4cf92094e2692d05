//! How long vacancies take: over all, month by month as a picture, by district, state and license area.

use axum::extract::State as Axum;
use maud::{Markup, html};

use super::parts::spent;
use crate::api::vacancies::{Figures, Group, Month};
use crate::api::{State, error::Error, extract::NoQuery};
use crate::domain::actor::Actor;
use crate::web::layout::{Page, Place, empty, figure};
use crate::web::words;

/// Of the drawing, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;
/// Months that are drawn, the latest.
const MONTHS: usize = 18;

pub async fn read(Axum(state): Axum<State>, actor: Actor, _: NoQuery) -> Result<Markup, Error> {
    Ok(page(&actor, &state.vacancy_figures(&actor, None).await?))
}

fn page(actor: &Actor, figures: &Figures) -> Markup {
    let total = figures.total;
    let said = |minutes: Option<i64>| minutes.map_or_else(|| "none yet".into(), spent);
    Page::new("Time to fill", Place::Vacancies, actor).show(&html! {
        p.trail { a href="/vacancies" { "Vacancies" } }
        h1 { "Time to fill" }
        @if total.vacancies == 0 {
            (empty("No vacancy was opened yet", &html! { p { "Figures begin with the first one: its clock runs from when it is opened until its class is live." } }))
        } @else {
            section.card aria-labelledby="all" {
                h2 #all { "All vacancies" }
                dl.figures {
                    (figure(&words::count(total.vacancies), "opened"))
                    (figure(&words::count(total.filled), "filled"))
                    (figure(&said(total.median_minutes_to_propose), "to the first proposal"))
                    (figure(&said(total.median_minutes_to_fill), "to a live class"))
                    (figure(&words::count(total.days_lost), "school days lost"))
                }
                p.soft.small { "Lengths of time are medians, from when a vacancy was opened first. School days lost are those on which it was open, its classes were due and none was live; a vacancy that is still open counts up to yesterday." }
            }
            @if !figures.months.is_empty() {
                section.card aria-labelledby="months" {
                    h2 #months { "Month by month" }
                    @if figures.months.len() > 1 { (chart(&figures.months)) }
                    (months(&figures.months))
                }
            }
            @if figures.districts.len() > 1 { (groups("districts", "By district", "District", &figures.districts)) }
            @if figures.states.len() > 1 { (groups("states", "By state", "State", &figures.states)) }
            @if !figures.areas.is_empty() { (groups("areas", "By license area", "Area", &figures.areas)) }
        }
    })
}

/// School days lost as bars and the median time to fill as a line, the latest months.
fn chart(all: &[Month]) -> Markup {
    let shown = &all[all.len().saturating_sub(MONTHS)..];
    let days = |month: &Month| count(month.days_lost);
    let fill = |month: &Month| month.median_minutes_to_fill.map(|minutes| count(minutes) / 1440.0);
    let most_lost = shown.iter().map(days).fold(1.0, f64::max);
    let longest = shown.iter().filter_map(fill).fold(1.0, f64::max);
    let step = WIDTH / count(i64::try_from(shown.len()).unwrap_or(1).max(1));
    let left = |n: usize| count(i64::try_from(n).unwrap_or(0)) * step;
    let points: Vec<String> = shown
        .iter()
        .enumerate()
        .filter_map(|(n, month)| {
            Some(format!("{:.1},{:.1}", left(n) + step / 2.0, HEIGHT - fill(month)? / longest * HEIGHT))
        })
        .collect();
    let lost: i64 = shown.iter().map(|month| month.days_lost).sum();
    let said = format!(
        "{}: {} lost, at most {} in one; the longest median time to fill is {:.0} days. The table below has each.",
        words::plural(shown.len(), "month"),
        words::plural(usize::try_from(lost).unwrap_or(0), "school day"),
        most_lost,
        longest
    );
    html! {
        figure {
            svg.plot.months viewBox=(format!("0 -6 {WIDTH} {}", HEIGHT + 12.0)) role="img" aria-label=(said) preserveAspectRatio="none" {
                line.edge x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                @for (n, month) in shown.iter().enumerate() {
                    @let height = days(month) / most_lost * HEIGHT;
                    rect.lost x=(format!("{:.1}", left(n) + step * 0.2)) width=(format!("{:.1}", step * 0.6)) y=(format!("{:.1}", HEIGHT - height)) height=(format!("{height:.1}")) {}
                }
                polyline.bound points=(points.join(" ")) {}
                // A point as a line of no length with round ends keeps its shape in a picture that is stretched.
                @for point in &points {
                    @if let Some((x, y)) = point.split_once(',') { line.dot x1=(x) x2=(x) y1=(y) y2=(y) {} }
                }
            }
            figcaption {
                span.key { "school days lost, at most " (words::count(shown.iter().map(|month| month.days_lost).max().unwrap_or(0))) " in a month" }
                span.key.bound { "median time to fill, at most " (shown.iter().filter_map(|month| month.median_minutes_to_fill).max().map_or_else(|| "nothing yet".into(), spent)) }
                span.soft { (shown.first().map_or("", |month| &month.month)) " to " (shown.last().map_or("", |month| &month.month)) }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "days, months and minutes of vacancies are far below 2^53")]
fn count(number: i64) -> f64 {
    number as f64
}

fn months(all: &[Month]) -> Markup {
    html! {
        table.stack {
            caption.unseen { "Filled vacancies, time to fill and school days lost, by month" }
            thead { tr { th scope="col" { "Month" } th.number scope="col" { "Filled" } th.number scope="col" { "Time to fill" } th.number scope="col" { "School days lost" } } }
            tbody { @for month in all.iter().rev().take(MONTHS) {
                tr {
                    th scope="row" { (month.month) }
                    td.number data-label="Filled" { (words::count(month.filled)) }
                    td.number data-label="Time to fill" { (month.median_minutes_to_fill.map_or_else(|| "–".into(), spent)) }
                    td.number data-label="School days lost" { (words::count(month.days_lost)) }
                }
            } }
        }
    }
}

fn groups(id: &str, title: &str, what: &str, of: &[Group]) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            h2 id=(id) { (title) }
            table.stack {
                caption.unseen { (title) }
                thead { tr {
                    th scope="col" { (what) } th.number scope="col" { "Opened" } th.number scope="col" { "Filled" }
                    th.number scope="col" { "To propose" } th.number scope="col" { "To fill" } th.number scope="col" { "School days lost" }
                } }
                tbody { @for Group { name, summary, .. } in of {
                    tr {
                        th scope="row" { (words::kind(name)) }
                        td.number data-label="Opened" { (words::count(summary.vacancies)) }
                        td.number data-label="Filled" { (words::count(summary.filled)) }
                        td.number data-label="To propose" { (summary.median_minutes_to_propose.map_or_else(|| "–".into(), spent)) }
                        td.number data-label="To fill" { (summary.median_minutes_to_fill.map_or_else(|| "–".into(), spent)) }
                        td.number data-label="School days lost" { (words::count(summary.days_lost)) }
                    }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(name: &str, filled: Option<i64>, days_lost: i64) -> Month {
        Month { month: name.into(), filled: usize::from(filled.is_some()), median_minutes_to_fill: filled, days_lost }
    }

    #[test]
    fn the_picture_keeps_inside_its_frame_and_says_itself_in_words() {
        let all = [month("2026-08", None, 0), month("2026-09", Some(14_400), 21), month("2026-10", Some(1440), 3)];
        let text = chart(&all).into_string();
        assert!(
            text.contains(
                "3 months: 24 school days lost, at most 21 in one; the longest median time to fill is 10 days"
            ),
            "{text}"
        );
        let points = text.split("points=\"").nth(1).and_then(|t| t.split('"').next()).expect("a line");
        assert_eq!(points, "320.0,0.0 533.3,144.0");
        assert_eq!(text.matches("<rect").count(), 3);
        assert!(text.contains("height=\"160.0\"") && text.contains("height=\"0.0\"") && !text.contains("NaN"));
        assert!(!chart(&[month("2026-08", None, 0)]).into_string().contains("NaN"));
    }
}
