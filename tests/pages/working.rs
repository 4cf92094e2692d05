//! A school day in the browser: an educator logs and reports, the office finds who stands in and repairs the schedule, and
//! two who work on the same thing at once lose nothing.

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Driver, Window};
use crate::house::{House, Person};

const NEW_PASSWORD: &str = "harbor lantern quilt meadow";

async fn json_of(window: &Window, path: &str) -> Value {
    let (status, _, text) = window.fetched(path, "application/json").await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// The first session of a service, which has long begun.
async fn service_session(window: &Window) -> Value {
    let mut after = String::new();
    for _ in 0..20 {
        let path = format!("/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=200{after}");
        let page = json_of(window, &path).await;
        let items = page["items"].as_array().expect("items");
        if let Some(found) = items.iter().find(|one| !one["service"].is_null() && one["status"] == "planned") {
            return found.clone();
        }
        after = format!("&after={}", page["next"].as_str().expect("a next page"));
    }
    panic!("the demo has no session of a service");
}

/// A window of somebody new who teaches as this educator.
async fn educator(driver: &Driver, house: &House, administrator: &Window, id: &str) -> Window {
    let body =
        json!({"email": "teaches@demo.example", "name": "Teaching educator", "role": "educator", "educator_id": id});
    let (status, _, text) = administrator.sent("/api/v1/accounts", &body).await;
    assert_eq!(status, 201, "{text}");
    let invited: Value = serde_json::from_str(&text).expect("JSON");
    let window = driver.window(360, 800, false).await;
    window.open(&format!("{}{}", house.address, invited["path"].as_str().expect("a path"))).await;
    window.fill("#password", NEW_PASSWORD).await;
    window.fill("#again", NEW_PASSWORD).await;
    window.click("main form button").await;
    window.find("form[action='/sign-out']").await;
    window
}

async fn signed_in(driver: &Driver, house: &House, person: &Person) -> Window {
    let window = driver.window(1440, 1200, false).await;
    window.sign_in_as(&house.address, &person.email, &person.password).await;
    window
}

#[tokio::test]
async fn an_educator_logs_and_reports_the_office_hands_over_and_repairs_and_two_at_once_lose_nothing() {
    let (house, people) = House::demonstrated();
    let driver = Driver::start();
    let administrator = signed_in(&driver, &house, &people[0]).await;
    let coordinator = signed_in(&driver, &house, &people[1]).await;
    let session = service_session(&administrator).await;
    let id = session["educator_id"].as_str().expect("an id");
    let teacher = educator(&driver, &house, &administrator, id).await;
    let on = &session["school"]["starts"].as_str().expect("an instant")[..10];

    // From the day's log: one tap, and it is said. The first tap is the way there.
    teacher.open(&house.address).await;
    teacher.click(&format!("a[href='/educators/{id}/log']")).await;
    teacher.find("main h1").await;
    teacher.open(&format!("{}/educators/{id}/log?on={on}", house.address)).await;
    let card = format!("#s{}", session["id"].as_str().expect("an id"));
    assert!(teacher.text(&card).await.contains("not logged"));
    teacher.click(&format!("{card} button[value='delivered']")).await;
    teacher.find(&format!("{card} .badge.good")).await;
    let written = json_of(&teacher, &format!("/api/v1/sessions/{}/log", session["id"].as_str().expect("an id"))).await;
    assert_eq!(written[0]["outcome"], "delivered");

    made_up(&coordinator, &teacher, &house, &session).await;
    let absence = reported(&teacher, &house, id, &taught(&administrator, id).await).await;
    handed_over(&coordinator, &house, &absence).await;
    painted_by_two(&administrator, &teacher, &house, id).await;
    let district = session["district_id"].as_str().expect("an id");
    repaired_by_two(&coordinator, &administrator, &house, district, &to_come(&coordinator, district).await).await;
    for window in [administrator, coordinator, teacher] {
        window.client.close().await.expect("the window closes");
    }
}

/// The session was missed after all: the office books another time by one click, the educator sees it, and it is taken
/// back by another.
async fn made_up(coordinator: &Window, teacher: &Window, house: &House, session: &Value) {
    let id = |name: &str| session[name].as_str().expect("an id").to_owned();
    let student = session["students"][0]["student_id"].as_str().expect("an id");
    let log = format!("/api/v1/sessions/{}/log", id("id"));
    let entries = json!({"entries": [{"service_id": session["students"][0]["service_id"], "outcome": "missed", "reason": "provider_absent"}]});
    let put = "fetch(arguments[0], { method: 'PUT', body: arguments[1], headers: { 'content-type': 'application/json' } }) \
               .then(async answer => done([answer.status, await answer.text()]), error => done([0, String(error)]))";
    let answer = coordinator.script(put, vec![json!(log), json!(entries.to_string())]).await;
    assert_eq!(answer[0], 200, "{answer}");
    let entries = json_of(coordinator, &log).await;
    let missed =
        entries.as_array().expect("entries").iter().find(|entry| entry["outcome"] == "missed").expect("an entry");
    let page = format!("{}/students/{student}/minutes", house.address);
    coordinator.open(&page).await;
    let offer = format!("#m{} button[name='at']", missed["id"].as_str().expect("an id"));
    let said = coordinator.text(&offer).await;
    coordinator.click(&offer).await;
    let booked = coordinator.text("li[id^='b']").await;
    assert!(booked.contains(&said), "{said} in {booked}");
    let slots =
        json_of(coordinator, &format!("/api/v1/service-log/{}/make-up", missed["id"].as_str().expect("an id"))).await;
    assert_eq!(slots, json!([]), "nothing is left to book");

    let path = "/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1000";
    let sessions = json_of(teacher, &format!("{path}&educator_id={}", id("educator_id"))).await;
    let made =
        sessions["items"].as_array().expect("items").iter().find(|one| !one["makes_up"].is_null()).expect("a make-up");
    let on = &made["educator"]["starts"].as_str().expect("an instant")[..10];
    teacher.open(&format!("{}/educators/{}/week?on={on}", house.address, id("educator_id"))).await;
    assert!(teacher.text("main").await.contains("make-up"));
    coordinator.click("li[id^='b'] form[action$='/cancel'] button").await;
    coordinator.find(&offer).await;
    assert!(coordinator.client.find(Locator::Css("li[id^='b']")).await.is_err(), "it is cancelled");
}

/// On the phone; they see that it is with the office, and not who could stand in.
async fn reported(teacher: &Window, house: &House, id: &str, on: &str) -> String {
    teacher.open(&format!("{}/educators/{id}/week?on={on}", house.address)).await;
    let set = "const [from, to] = ['#first_on', '#last_on'].map(id => document.querySelector(id)); \
               from.value = to.value = arguments[0]";
    teacher.client.execute(set, vec![json!(on)]).await.expect("a script runs");
    teacher.fill("#reason", "a fever").await;
    teacher.click("form[action$='/absences'] button").await;
    let said = teacher.text("main").await;
    assert!(said.contains("The staffing office decides who stands in") && !said.contains("Who stands in"), "{said}");
    teacher.client.current_url().await.expect("an address").path().to_owned()
}

/// Every duty has somebody proposed or an adult in the room; one click decides.
async fn handed_over(coordinator: &Window, house: &House, absence: &str) {
    coordinator.open(&format!("{}/absences", house.address)).await;
    coordinator.click(&format!("a[href='{absence}']")).await;
    coordinator.find("select[name^='duty-']").await;
    coordinator.click("form[action$='/approve'] button").await;
    let said = coordinator.text("main .note").await;
    assert!(said.contains("It is decided who stands in"), "{said}");
}

/// Both paint the same hours from the same page: the second is told, keeps what they painted, and saves it knowingly.
async fn painted_by_two(office: &Window, teacher: &Window, house: &House, id: &str) {
    let page = format!("{}/educators/{id}/availability", house.address);
    let (early, late) = ("input[value='sat-600']", "input[value='sun-600']");
    for window in [office, teacher] {
        window.open(&page).await;
        window.find("table.paint").await;
    }
    office.client.execute(&format!("document.querySelector(\"{early}\").focus()"), Vec::new()).await.expect("focus");
    let press = async |keys: String| {
        let focused = office.client.active_element().await.expect("something has the focus");
        focused.send_keys(&keys).await.expect("keys are pressed");
    };
    // By keyboard: checked, and painted on to the next half hour.
    press(" ".into()).await;
    press(format!("{}{}", char::from(Key::Shift), char::from(Key::Down))).await;
    assert!(office.number("document.querySelectorAll('input[value^=sat-]:checked').length").await > 1.0);
    office.click("button[value='save']").await;
    office.find(&format!("{early}:checked")).await;
    office.find("form[data-changed='false']").await;

    teacher
        .client
        .execute(&format!("document.querySelector(\"{late}\").checked = true"), Vec::new())
        .await
        .expect("set");
    teacher.click("button[value='save']").await;
    let said = teacher.text("main .note.bad").await;
    assert!(said.contains("changed by somebody else"), "{said}");
    assert!(teacher.text("form[data-changed='true'] .note").await.contains("Sat 10:00–11:00 AM"), "what is kept now");
    teacher.find(&format!("{late}:checked")).await;
    let both =
        format!("document.querySelectorAll(\"{early}, input[value='sat-630']\").forEach(cell => cell.checked = true)");
    teacher.client.execute(&both, Vec::new()).await.expect("set");
    teacher.click("button[value='save']").await;
    teacher.find("form[data-changed='false']").await;
    let kept = teacher.number(&format!("document.querySelectorAll(\"{early}:checked, {late}:checked\").length")).await;
    assert!((kept - 2.0).abs() < 0.1, "neither lost theirs");
}

/// A day to come on which this educator teaches: of what has begun nobody takes anything over.
async fn taught(window: &Window, educator: &str) -> String {
    let from = (bellwether::domain::time::now() + chrono::TimeDelta::days(2)).format("%Y-%m-%dT%H:%M:%SZ");
    let path = format!("/api/v1/sessions?from={from}&to=2100-01-01T00:00:00Z&limit=200&educator_id={educator}");
    let page = json_of(window, &path).await;
    let planned = |one: &&Value| one["status"] == "planned";
    let next = page["items"].as_array().and_then(|items| items.iter().find(planned)).expect("they teach on");
    next["school"]["starts"].as_str().expect("an instant")[..10].to_owned()
}

/// A day to come on which there is school in this district: what has begun, no repair takes away.
async fn to_come(window: &Window, district: &str) -> String {
    let from = bellwether::domain::time::now().format("%Y-%m-%dT%H:%M:%SZ");
    let path = format!("/api/v1/sessions?from={from}&to=2100-01-01T00:00:00Z&limit=200&district_id={district}");
    let page = json_of(window, &path).await;
    let last = page["items"].as_array().and_then(|items| items.last()).expect("the demo's term has days to come");
    last["school"]["starts"].as_str().expect("an instant")[..10].to_owned()
}

/// A day of snow: what changed, the least that mends it, seen before it is published; both publish, and it is one version.
async fn repaired_by_two(coordinator: &Window, other: &Window, house: &House, district: &str, on: &str) {
    let calendars = json_of(coordinator, &format!("/api/v1/calendars?district_id={district}")).await;
    let calendar = &calendars["items"][0];
    let mut body = calendar.clone();
    for kept in ["id", "version", "created_at", "updated_at"] {
        body.as_object_mut().expect("an object").remove(kept);
    }
    body["closed"].as_array_mut().expect("a list").push(json!(on));
    let put = "fetch(arguments[0], { method: 'PUT', body: arguments[1], headers: { 'content-type': 'application/json', 'if-match': arguments[2] } }) \
               .then(async answer => done([answer.status, await answer.text()]), error => done([0, String(error)]))";
    let path = format!("/api/v1/calendars/{}", calendar["id"].as_str().expect("an id"));
    let tag = format!("\"{}\"", calendar["version"]);
    let args = vec![json!(path), json!(body.to_string()), json!(tag)];
    let answer = coordinator.script(put, args.clone()).await;
    assert_eq!(answer[0], 200, "{answer}");
    // The other had the same version in hand: refused, so that the first one's day is not lost.
    let answer = other.script(put, args).await;
    assert_eq!(answer[0], 412, "{answer}");

    coordinator.open(&format!("{}/repairs", house.address)).await;
    let news = coordinator.text("section[aria-labelledby='news']").await;
    assert!(news.contains("is closed on"), "{news}");
    coordinator.picture("repairs").await;
    coordinator.click("form[action='/repairs'] button").await;
    coordinator.find("#answer").await;
    coordinator.click("a[href$='/publish']").await;
    // The page does not wait for the comparison of every meeting.
    coordinator.find("#by-meeting .figures").await;
    let meetings = coordinator.text("#by-meeting").await;
    assert!(meetings.contains("dropped") && meetings.contains("stay as they are"), "{meetings}");
    coordinator.picture("repair").await;
    let preview = coordinator.client.current_url().await.expect("an address");
    other.open(preview.as_str()).await;
    for window in [coordinator, other] {
        window.click("form[action$='/publish'] button").await;
        let published = window.text("section[aria-labelledby='publish']").await;
        assert!(published.contains("as version 2"), "{published}");
    }
    coordinator.open(&format!("{}/repairs", house.address)).await;
    let news = coordinator.text("section[aria-labelledby='news']").await;
    assert!(news.contains("the records are as they were"), "{news}");
    assert!(coordinator.client.find(Locator::Css("form[action='/repairs']")).await.is_err(), "nothing to mend");
}
