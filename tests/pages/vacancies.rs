//! A vacancy from its posting to a live class: the district's HR, the office and the educator, each in their own window.

use serde_json::{Value, json};

use crate::browser::{Driver, Window};
use crate::house::{House, PASSWORD};

/// What an address of the API answers whoever is signed in.
async fn asked(window: &Window, path: &str) -> Value {
    let (status, _, text) = window.fetched(path, "application/json").await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// Invites somebody, who comes in by the link in a window of their own.
async fn invited(
    driver: &Driver,
    office: &Window,
    address: &str,
    account: Value,
    (width, dark): (u32, bool),
) -> Window {
    let (status, _, text) = office.sent("/api/v1/accounts", &account).await;
    assert_eq!(status, 201, "{text}");
    let path = serde_json::from_str::<Value>(&text).expect("JSON")["path"].as_str().expect("a path").to_owned();
    let window = driver.window(width, 1200, dark).await;
    window.open(&format!("{address}{path}")).await;
    window.fill("#password", PASSWORD).await;
    window.fill("#again", PASSWORD).await;
    window.click("form.card button").await;
    window.find("form[action='/sign-out']").await;
    window
}

#[tokio::test]
async fn hr_posts_the_office_proposes_both_accept_and_the_class_goes_live() {
    let house = House::furnished();
    let driver = Driver::start();
    let office = driver.window(1440, 1400, false).await;
    office.sign_in(&house.address).await;
    office.open(&format!("{}/runs", house.address)).await;
    // Any schedule will do: the first passable one ends the run.
    office.fill("#seconds", "120").await;
    office.fill("#gap", "20").await;
    office.click("form[action='/runs'] button").await;
    office.find("#answer").await;
    let run = asked(&office, "/api/v1/runs?limit=1").await["items"][0]["id"].as_str().expect("an id").to_owned();

    // A section that the run gives to somebody, with everybody whom it concerns.
    let schedule = asked(&office, &format!("/api/v1/runs/{run}/schedule")).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (section, educator) = (text(&schedule["sections"][0]["section"]), text(&schedule["sections"][0]["educator"]));
    let record = asked(&office, &format!("/api/v1/sections/{section}")).await;
    let school = asked(&office, &format!("/api/v1/schools/{}", text(&record["school_id"]))).await;
    let course = asked(&office, &format!("/api/v1/courses/{}", text(&record["course_id"]))).await;
    let account = |role: &str, districts: Value, educator: Value| json!({"email": format!("{role}@test.example"), "name": format!("Test {role}"), "role": role, "district_ids": districts, "educator_id": educator});
    let theirs = account("district_hr", json!([school["district_id"]]), Value::Null);
    let hr = invited(&driver, &office, &house.address, theirs, (1440, false)).await;
    let theirs = account("educator", json!([]), json!(educator));
    let teacher = invited(&driver, &office, &house.address, theirs, (360, false)).await;

    // HR: from the first page to a posted vacancy; a form without sections says what is missing.
    hr.open(&house.address).await;
    hr.click(".steps a[href='/vacancies/new']").await;
    hr.click("form[action='/vacancies'] button").await;
    assert!(hr.text(".note.bad").await.contains("Choose 1 to 40 sections"));
    hr.click(&format!("input[name='section'][value='{section}']")).await;
    hr.picture("post").await;
    hr.click("form[action='/vacancies'] button").await;
    let stands = hr.text("section[aria-labelledby='stands']").await;
    assert!(stands.contains("Open") && stands.contains("by the staffing office"), "{stands}");
    assert_eq!(hr.text("h1").await, text(&course["name"]));

    // The office: whoever serves it in the run is ranked, and proposed.
    office.open(&house.address).await;
    assert!(office.text(".steps a[href='/vacancies']").await.contains("1 waits for your next step"));
    office.click(".steps a[href='/vacancies']").await;
    office.click("tbody a[href^='/vacancies/']").await;
    let vacancy = office.client.current_url().await.expect("an address").to_string();
    office.click("a[href$='/candidates']").await;
    office.find("#ranked").await;
    office.click(&format!("input[name='educator'][value='{educator}']")).await;
    office.picture("propose").await;
    office.click("form[action$='/proposals'] button").await;
    office.find("section[aria-labelledby='who']").await;

    // HR: sees papers and both clocks, and accepts.
    hr.open(&format!("{}/vacancies", house.address)).await;
    assert!(hr.text("section[aria-labelledby='asked']").await.contains("yours"));
    hr.click("tbody a[href^='/vacancies/']").await;
    let who = hr.text("section[aria-labelledby='who']").await;
    for part in
        ["License and clearance cover every class today", "license in", "clearance", "minutes in the fullest week"]
    {
        assert!(who.contains(part), "{part} is not in {who}");
    }
    assert!(!who.contains('$'), "pay is between the educator and the office: {who}");
    hr.picture("proposal").await;
    hr.click("form[action$='/accept'] button").await;
    hr.find("#who").await;
    assert!(hr.text("section[aria-labelledby='stands']").await.contains("Make the offer"));

    // The office offers; the educator sees it first thing, on their own clock, and accepts.
    office.open(&vacancy).await;
    office.click("form[action$='/offers'] button").await;
    office.find("section[aria-labelledby='who']").await;
    teacher.open(&house.address).await;
    teacher.click(".note a[href='/offers']").await;
    let offer = teacher.text("main section.card").await;
    for part in ["Answer by", "pay for that week", "course to prepare", "minutes in the fullest week"] {
        assert!(offer.contains(part), "{part} is not in {offer}");
    }
    teacher.picture("offers").await;
    assert!(teacher.faults("the offer").await.is_empty());
    teacher.click("form[action$='/accept'] button").await;
    assert!(teacher.text("section[aria-labelledby='before']").await.contains("Accepted"));

    // The office clears and onboards; nothing goes live before the district has readied everything.
    office.open(&vacancy).await;
    for stage in ["clearing", "onboarding"] {
        office.click(&format!("form:has(input[value='{stage}']) button")).await;
    }
    office.click("form:has(input[value='live']) button").await;
    assert!(office.text(".note.bad").await.contains("not ready"));
    hr.open(&vacancy).await;
    for done in 1..=7 {
        hr.click("form[action$='/readiness']:has(input[value='yes']) button").await;
        hr.find(&format!("ul.decisions li:nth-child({done}) input[value='no']")).await;
    }
    assert_eq!(hr.text("#ready").await, "Ready: 7 of 7");
    hr.picture("readiness").await;
    office.open(&vacancy).await;
    office.click("form:has(input[value='live']) button").await;
    office.find("section[aria-labelledby='stands'] .badge.good").await;
    office.picture("vacancy").await;

    // Figures and the file tell of it.
    hr.open(&format!("{}/vacancies/figures", house.address)).await;
    let figures = hr.text("section[aria-labelledby='all']").await;
    assert!(figures.contains("filled") && figures.contains("school days lost"), "{figures}");
    hr.picture("figures").await;
    let (status, kind, table) = hr.fetched("/vacancies/export", "text/csv").await;
    assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8"));
    assert!(table.lines().count() == 2 && table.contains(",live,"), "{table}");
    let pins = asked(&office, &format!("/api/v1/pins?section_id={section}")).await;
    assert_eq!(pins["items"][0]["educator_id"], json!(educator), "later runs keep to it");
    for window in [office, hr, teacher] {
        window.client.close().await.expect("the window closes");
    }
}
