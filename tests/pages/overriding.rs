//! A coordinator against the grain: a caution overridden with a reason, a lock that no run can keep, a supply that is only
//! supposed; each on a phone and at a desk, with axe.

use std::time::{Duration, Instant};

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::browser::{Driver, Window};
use crate::house::House;

async fn json_of(window: &Window, path: &str) -> Value {
    let (status, _, text) = window.fetched(path, "application/json").await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// A run like the one that is published, which it takes for granted: whoever else takes a need takes it from somebody.
async fn planned_again(window: &Window) -> String {
    let before = json_of(window, "/api/v1/runs?limit=1").await["items"][0].clone();
    let asked = json!({"term_id": before["term_id"], "seconds": 120, "gap": 0.2, "start_from": before["id"]});
    let (status, _, text) = window.sent("/api/v1/runs", &asked).await;
    assert_eq!(status, 202, "{text}");
    let id = serde_json::from_str::<Value>(&text).expect("JSON")["id"].as_str().expect("an id").to_owned();
    let began = Instant::now();
    loop {
        let run = json_of(window, &format!("/api/v1/runs/{id}")).await;
        if run["state"] == "succeeded" {
            return id;
        }
        assert!(["queued", "running"].contains(&run["state"].as_str().expect("a state")), "{run}");
        assert!(began.elapsed() < Duration::from_mins(5), "{run}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A section of the run that one educator serves and another could, who is the second; and somebody whom a rule refuses.
async fn contested(window: &Window, run: &str) -> (String, String, String) {
    let sections = json_of(window, "/api/v1/sections?limit=200").await;
    for section in sections["items"].as_array().expect("items") {
        let need = section["id"].as_str().expect("an id");
        let ranked = json_of(window, &format!("/api/v1/runs/{run}/candidates?need={need}")).await;
        let ranked = ranked["candidates"].as_array().expect("a list").clone();
        let id = |one: &Value| one["educator"].as_str().expect("an id").to_owned();
        let taken = ranked.iter().any(|one| one["serves"] == true);
        let other = ranked.iter().find(|one| one["refused"].is_null() && one["serves"] == false);
        let refused = ranked.iter().find(|one| one["refused"]["rule"] == "H01");
        if let (true, Some(other), Some(refused)) = (taken, other, refused) {
            return (need.to_owned(), id(other), id(refused));
        }
    }
    panic!("no section of the demo has two candidates and somebody without a license");
}

#[tokio::test]
async fn a_caution_is_overridden_a_lock_that_cannot_be_kept_is_undone_and_supply_is_supposed() {
    let (house, people) = House::demonstrated();
    let driver = Driver::start();
    let (desk, phone) = (driver.window(1440, 1500, false).await, driver.window(360, 1200, true).await);
    for window in [&desk, &phone] {
        window.sign_in_as(&house.address, &people[1].email, &people[1].password).await;
    }
    let run = planned_again(&desk).await;
    let (need, other, refused) = contested(&desk, &run).await;

    // Whoever is chosen on the board stands there with what speaks against them; a lock without the box is not made.
    let page = format!("{}/runs/{run}/needs/{need}", house.address);
    let mut faults = Vec::new();
    for window in [&desk, &phone] {
        window.open(&format!("{page}?educator={other}")).await;
        let against = window.text("#against").await;
        assert!(against.contains("Takes it from whoever serves it now"), "{against}");
        faults.extend(window.faults("a need with cautions").await);
    }
    desk.fill("#reason", "the school asked for them").await;
    desk.click("button[value='lock']").await;
    assert!(desk.text("main .note.bad").await.contains("Something speaks against it"));
    desk.click("#against input").await;
    desk.picture("override").await;
    desk.click("button[value='lock']").await;
    let decided = desk.text("#decided ~ ul").await;
    for part in ["the school asked for them", "overrides: takes it from whoever serves it now"] {
        assert!(decided.contains(part), "{part} is not in {decided}");
    }
    desk.click(".decisions button").await;
    desk.find("#candidates").await;

    kept_apart(&desk, &phone, &house, &need, &refused, &mut faults).await;
    supposed(&desk, &phone, &house, &run, &mut faults).await;

    // A page that is not there says so, and still shows the way around.
    for window in [&desk, &phone] {
        for address in ["/runs/none", "/no-such-page"] {
            window.open(&format!("{}{address}", house.address)).await;
            assert!(window.text("main").await.contains("What to do"));
            window.find("nav[aria-label='Main'] a[href='/runs']").await;
            faults.extend(window.faults(address).await);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for window in [desk, phone] {
        window.client.close().await.expect("the window closes");
    }
}

/// Somebody without a license was locked through the API: no run begins, and the page says which lock and which rule.
async fn kept_apart(desk: &Window, phone: &Window, house: &House, need: &str, refused: &str, faults: &mut Vec<String>) {
    let term = json_of(desk, "/api/v1/terms?limit=1").await["items"][0]["id"].clone();
    let pin = json!({"term_id": term, "section_id": need, "educator_id": refused, "reason": "asked for"});
    let (status, _, text) = desk.sent("/api/v1/pins", &pin).await;
    assert_eq!(status, 201, "{text}");
    for window in [phone, desk] {
        window.open(&format!("{}/runs", house.address)).await;
        window.click("form[action='/runs'] button").await;
        let told = window.text(".note.bad").await;
        assert!(told.contains("cannot be kept") && told.contains("license (H01)"), "{told}");
        faults.extend(window.faults("a lock that cannot be kept").await);
    }
    desk.click(".note.bad form[action='/decisions/undo'] button").await;
    desk.find("main h1").await;
    let pins = json_of(desk, &format!("/api/v1/pins?section_id={need}")).await;
    assert_eq!(pins["items"], json!([]));
}

/// What if there were two more: asked for on the form, compared in figures, and not to be published.
async fn supposed(desk: &Window, phone: &Window, house: &House, run: &str, faults: &mut Vec<String>) {
    for window in [phone, desk] {
        window.open(&format!("{}/runs?copy={run}", house.address)).await;
        window.click("summary").await;
        window.find("#with-count-0").await;
        faults.extend(window.faults("what if").await);
    }
    for (field, text) in [
        ("#with-count-0", "2"),
        ("#with-areas-0", "mathematics"),
        ("#with-states-0", "AZ, NY"),
        ("#with-hours-0", "20"),
        ("#seconds", "120"),
        ("#gap", "20"),
    ] {
        desk.fill(field, text).await;
    }
    desk.picture("what-if").await;
    desk.click("form[action='/runs'] button").await;
    desk.find("#answer").await;
    let said = desk.text("main").await;
    for part in ["2 more educators for mathematics in AZ, NY, 20 hours a week each", "cannot be published"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(desk.client.find(Locator::Css("a[href$='/publish']")).await.is_err());
    desk.click(".actions a[href$='/compare']").await;
    let figures = desk.text("section[aria-labelledby='figures']").await;
    assert!(figures.contains("Minutes not served") && figures.contains("2 more educators"), "{figures}");
    faults.extend(desk.faults("compared").await);
    desk.picture("compared").await;
    phone.open(desk.client.current_url().await.expect("an address").as_str()).await;
    phone.find("#figures").await;
    faults.extend(phone.faults("compared").await);
}
