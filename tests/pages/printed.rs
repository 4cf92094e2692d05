//! A week and a report on paper: printed by the browser, on as many sheets as they should take.

use std::path::Path;

use serde_json::Value;

use crate::browser::{Driver, Window};
use crate::house::{House, screenshots};

/// Keeps the document beside the pictures, and says how many sheets it has and how wide each is, in points.
async fn sheets(window: &Window, driver: &Driver, name: &str) -> Vec<f64> {
    let bytes = window.printed(driver).await;
    assert!(bytes.starts_with(b"%PDF-"), "{name} is no PDF");
    let beside: &Path = &screenshots();
    std::fs::write(beside.join(format!("{name}.pdf")), &bytes).expect("written");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let boxes = text.split("/MediaBox").skip(1).filter_map(|rest| rest.split(['[', ']']).nth(1));
    let width = |corners: &str| corners.split_whitespace().nth(2).and_then(|width| width.parse().ok());
    boxes.filter_map(width).collect()
}

#[tokio::test]
async fn a_week_is_one_sheet_on_its_side_and_a_report_has_its_periods_log_and_policies() {
    let (house, people) = House::demonstrated();
    let driver = Driver::start();
    let window = driver.window(1440, 1000, false).await;
    window.sign_in_as(&house.address, &people[1].email, &people[1].password).await;
    let sessions = "/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=200";
    let (_, _, text) = window.fetched(sessions, "application/json").await;
    let sessions: Value = serde_json::from_str(&text).expect("JSON");
    let items = sessions["items"].as_array().expect("items");
    let educator = items[0]["educator_id"].as_str().expect("an id");
    window.open(&format!("{}/educators/{educator}/week", house.address)).await;
    window.find(".week .block").await;
    let week = sheets(&window, &driver, "week").await;
    assert!(week.len() == 1 && week[0] > 700.0, "one sheet, wider than high: {week:?}");

    let served = items.iter().find_map(|one| one["students"][0]["student_id"].as_str()).expect("a student");
    window.open(&format!("{}/students/{served}/minutes", house.address)).await;
    window.find("main h1").await;
    // Folded on the screen, open on paper: the policies take space there.
    let report = sheets(&window, &driver, "report").await;
    // How many sheets depends on how much the student is owed; one that breaks before every row has dozens.
    assert!((1..=10).contains(&report.len()) && report.iter().all(|width| *width < 700.0), "{report:?}");
    window.client.close().await.expect("the window closes");
}
