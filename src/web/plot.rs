//! The course of a run as a picture: cost of the best schedule and what is proven, over the seconds. Drawn here as SVG,
//! because pages need no script to be read.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::words;

/// Of the drawing, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
/// Points of one line: more cannot be told apart.
const POINTS: usize = 400;
/// Seconds of a run that nobody had to watch.
const SHORT: f64 = 5.0;

/// What was known after some seconds, in cents.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    t: f64,
    incumbent: Option<f64>,
    bound: Option<f64>,
}

fn points(figures: &[Json]) -> Vec<Point> {
    let number = |figure: &Json, name: &str| figure.get(name).and_then(Json::as_f64);
    let read = |figure: &Json| {
        Some(Point { t: number(figure, "t")?, incumbent: number(figure, "incumbent"), bound: number(figure, "bound") })
    };
    let all: Vec<Point> = figures.iter().filter_map(read).collect();
    let step = all.len().div_ceil(POINTS).max(1);
    let last = all.len().saturating_sub(1);
    all.into_iter().enumerate().filter(|(n, _)| n % step == 0 || *n == last).map(|(_, point)| point).collect()
}

/// Whether a run that has ended took long enough for its course to be seen.
pub fn is_worth_it(figures: &[Json]) -> bool {
    let points = points(figures);
    points.len() > 2 && points.first().zip(points.last()).is_some_and(|(first, last)| last.t - first.t >= SHORT)
}

/// The plot, once there are two moments to tell apart; before that, a word.
pub fn plot(figures: &[Json]) -> Markup {
    let points = points(figures);
    let latest = |read: fn(&Point) -> Option<f64>| points.iter().rev().find_map(read);
    let (Some(best), Some(last)) = (latest(|p| p.incumbent), points.last().filter(|_| points.len() > 1)) else {
        return html! { div #plot { p.soft.small { "The plot begins with the first schedule." } } };
    };
    let floor = latest(|p| p.bound).unwrap_or(best).min(best);
    // What happened last is what one wants to see: the first costs of all may be many times the best.
    let span = (best - floor).max(best.abs() * 0.002).max(1.0);
    let (top, bottom) = (best + 2.0 * span, floor - span);
    let (first, seconds) = (points[0].t, (last.t - points[0].t).max(1.0));
    let x = |t: f64| (t - first) / seconds * WIDTH;
    let y = |cents: f64| (top - cents.clamp(bottom, top)) / (top - bottom) * HEIGHT;
    let line = |read: fn(&Point) -> Option<f64>| {
        let mut path: Vec<String> = Vec::new();
        let mut before: Option<f64> = None;
        for point in &points {
            let Some(cents) = read(point) else { continue };
            // Steps: a figure holds until the next one.
            path.extend(before.map(|before| format!("{:.1},{:.1}", x(point.t), y(before))));
            path.push(format!("{:.1},{:.1}", x(point.t), y(cents)));
            before = Some(cents);
        }
        path.join(" ")
    };
    #[expect(clippy::cast_possible_truncation, reason = "cents and seconds of a run are far below 2^53")]
    let (best_cents, floor_cents, took) = (best as i64, floor as i64, last.t.round() as i64);
    let said = format!(
        "After {}: the best schedule costs {}, and none costs less than {}.",
        words::seconds(took),
        words::dollars(best_cents),
        words::dollars(floor_cents)
    );
    html! {
        figure #plot {
            svg.plot viewBox=(format!("0 -6 {WIDTH} {}", HEIGHT + 12.0)) role="img" aria-label=(said) preserveAspectRatio="none" {
                line.edge x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                polyline.bound points=(line(|p| p.bound)) {}
                polyline.incumbent points=(line(|p| p.incumbent)) {}
            }
            figcaption {
                span.key.incumbent { "best cost, now " (words::dollars(best_cents)) }
                span.key.bound { "proven bound, now " (words::dollars(floor_cents)) }
                span.soft { "over " (words::seconds(took)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_that_has_told_nothing_yet_has_no_plot() {
        for figures in
            [vec![], vec![json!({"t": 1.0, "incumbent": 5, "bound": 4})], vec![json!({"t": 1.0, "bound": 4})]]
        {
            assert!(plot(&figures).into_string().contains("begins with the first schedule"));
        }
    }

    #[test]
    fn costs_fall_and_bounds_rise_in_steps_inside_the_picture() {
        let figures: Vec<Json> =
            (0..2000).map(|n| json!({"t": n, "incumbent": 900_000_000 - n, "bound": 1000 * n})).collect();
        let text = plot(&figures).into_string();
        assert!(text.contains("After 33 min 19 s: the best schedule costs $8,999,980.01"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("style="));
        let line =
            text.split("class=\"incumbent\" points=\"").nth(1).and_then(|t| t.split('"').next()).expect("a line");
        let pairs: Vec<(f64, f64)> = line
            .split(' ')
            .map(|pair| pair.split_once(',').expect("a pair"))
            .map(|(x, y)| (x.parse().expect("x"), y.parse().expect("y")))
            .collect();
        assert!(pairs.len() > 300 && pairs.len() < 1000, "{}", pairs.len());
        assert!(pairs.iter().all(|(x, y)| (0.0..=WIDTH).contains(x) && (0.0..=HEIGHT).contains(y)));
        assert!(pairs.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "time goes on, and costs go down");
    }
}
