//! A coordinator decides what the engine left open: a need, its candidates, a lock, another run, what that changes; and
//! the board, by keyboard.

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::Value;

use crate::browser::{Driver, Window};
use crate::house::House;

/// Starts the run that the form asks for, and waits for a schedule. What follows holds for any: the gap is one that the first
/// passable schedule closes, so the run ends with it, on a fast machine and on a slow one.
async fn solved(window: &Window) {
    window.fill("#seconds", "120").await;
    window.fill("#gap", "20").await;
    window.click("form[action='/runs'] button").await;
    window.find("#answer").await;
    let verdict = window.text(".verdict").await;
    assert!(verdict.contains("It costs $"), "{verdict}");
}

/// Locks whoever is chosen; what speaks against it, if anything does, is overridden.
async fn lock(window: &Window) {
    window.click("button[value='lock']").await;
    let Ok(note) = window.client.find(Locator::Css("main .note.bad")).await else { return };
    if note.text().await.expect("text").contains("speaks against it") {
        window.click("#against input").await;
        window.click("button[value='lock']").await;
    }
}

#[tokio::test]
async fn a_need_is_locked_planned_again_compared_published_and_carried_over_the_board() {
    let house = House::furnished();
    let driver = Driver::start();
    let window = driver.window(1440, 1500, false).await;
    window.sign_in(&house.address).await;
    window.open(&format!("{}/runs", house.address)).await;
    solved(&window).await;

    // Against what is published, everything is new; each need leads to its candidates.
    window.click(".actions a[href$='/compare']").await;
    window.find("a[href*='by=need']").await;
    window.click("a[href*='by=need']").await;
    window.find("table a[href*='/needs/']").await;
    window.click("table a[href*='/needs/']").await;
    window.find("#candidates").await;
    assert!(window.text("table").await.contains("serves it now"));
    // Somebody else whom it costs nothing else, if there is one: then there is a schedule with this lock at once. To find one
    // that moves others too may take a slow machine longer than a test waits.
    let free = "tr:not(:has(.badge.good)):not(:has([data-label='Would displace'] li)) input[name='educator']";
    let free = window.client.find_all(Locator::Css(free)).await.expect("candidates");
    let theirs =
        window.client.find_all(Locator::Css("tr:has(.badge.good) input[name='educator']")).await.expect("them");
    let choice = free.first().unwrap_or(&theirs[0]);
    let chosen = choice.prop("value").await.expect("a property").expect("an id");
    choice.click().await.expect("chosen");
    window.fill("#reason", "the school asked for them").await;
    window.picture("need").await;
    lock(&window).await;
    let decided = window.text("#decided ~ ul").await;
    assert!(decided.contains("Locked") && decided.contains("the school asked for them"), "{decided}");

    let before = window.client.current_url().await.expect("an address");
    window.click("a[href^='/runs?copy=']").await;
    window.find("input[name='start']:checked").await;
    solved(&window).await;
    let again = window.client.current_url().await.expect("an address");
    let need = before.path().rsplit('/').next().expect("a need");
    window.open(&format!("{}{}/needs/{need}", house.address, again.path())).await;
    window.find(&format!("tr:has(.badge.good) input[value='{chosen}']")).await;

    window.open(again.as_str()).await;
    window.click("a[href$='/publish']").await;
    window.find("#who").await;
    window.picture("preview").await;
    window.click("form[action$='/publish'] button").await;
    window.find("#publish ~ p .badge.good").await;

    // Up and down with the keyboard; where it is put down, the educator is chosen already.
    window.open(&format!("{}/board", house.address)).await;
    window.find("a.slot[data-need]").await;
    window.picture("board").await;
    let press = async |key: Key| {
        let focused = window.client.active_element().await.expect("something has the focus");
        focused.send_keys(&String::from(char::from(key))).await.expect("a key is pressed");
    };
    window.find("tbody tr:nth-child(2)").await;
    let first = "tbody tr:has(~ tr) a.slot[data-need]";
    window.client.execute(&format!("document.querySelector(\"{first}\").focus()"), Vec::new()).await.expect("focus");
    let slot = window.client.active_element().await.expect("the session");
    slot.send_keys("m").await.expect("a key is pressed");
    window.find("tr.aimed .carried").await;
    assert!(window.client.find(Locator::Css("[data-said]")).await.is_ok());
    press(Key::Escape).await;
    window.find("table.board:not(.carrying)").await;
    slot.send_keys("m").await.expect("a key is pressed");
    window.find("table.board.carrying").await;
    press(Key::Down).await;
    window.find("tr.aimed:not(:has(.carried))").await;
    let aimed = window.find("tr.aimed").await.attr("data-educator").await.expect("an attribute").expect("an id");
    press(Key::Enter).await;
    window.find("#candidates").await;
    let there = window.client.current_url().await.expect("an address").to_string();
    assert!(there.contains("/needs/") && there.ends_with(&format!("educator={aimed}")), "{there}");
    // Either they may serve it, and are chosen, or the page says why not.
    window.find(&format!("input[value='{aimed}']:checked, .note.bad")).await;
    window.client.close().await.expect("the window closes");
}

async fn json_of(window: &Window, path: &str) -> Value {
    let (status, _, text) = window.fetched(path, "application/json").await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// A need of the run with at least two educators who may serve it, and those two.
async fn contested(window: &Window, run: &str) -> (String, [String; 2]) {
    let sections = json_of(window, "/api/v1/sections?limit=200").await;
    for section in sections["items"].as_array().expect("items") {
        let need = section["id"].as_str().expect("an id");
        let ranked = json_of(window, &format!("/api/v1/runs/{run}/candidates?need={need}")).await;
        let may = ranked["candidates"].as_array().expect("a list").iter().filter(|one| one["refused"].is_null());
        let ids: Vec<String> = may.map(|one| one["educator"].as_str().expect("an id").to_owned()).take(2).collect();
        if let Ok(two) = ids.try_into() {
            return (need.to_owned(), two);
        }
    }
    panic!("no section of the demo has two candidates");
}

#[tokio::test]
async fn two_coordinators_decide_the_same_need_and_the_second_is_told_and_keeps_what_they_typed() {
    let (house, people) = House::demonstrated();
    let driver = Driver::start();
    let (first, second) = (driver.window(1440, 1500, false).await, driver.window(1440, 1500, false).await);
    for (window, person) in [(&first, &people[0]), (&second, &people[1])] {
        window.sign_in_as(&house.address, &person.email, &person.password).await;
    }
    let runs = json_of(&first, "/api/v1/runs?limit=1").await;
    let run = runs["items"][0]["id"].as_str().expect("a run");
    let (need, [one, other]) = contested(&first, run).await;
    // Both have the same page before them, and each chooses somebody.
    let page = format!("{}/runs/{run}/needs/{need}", house.address);
    for (window, choice, why) in [(&first, &one, "the school asked for them"), (&second, &other, "speaks Spanish")] {
        window.open(&page).await;
        window.click(&format!("input[name='educator'][value='{choice}']")).await;
        window.fill("#reason", why).await;
    }
    lock(&first).await;
    let decided = first.text("#decided ~ ul").await;
    assert!(decided.contains("the school asked for them"), "{decided}");

    // The second is told, sees what the first decided, and still has what they chose and typed.
    lock(&second).await;
    let told = second.text("main .note.bad").await;
    assert!(told.contains("Somebody else has locked or unlocked this need"), "{told}");
    assert!(second.text("#decided ~ ul").await.contains("the school asked for them"));
    second.find(&format!("input[name='educator'][value='{other}']:checked")).await;
    assert_eq!(
        second.find("#reason").await.prop("value").await.expect("a property").as_deref(),
        Some("speaks Spanish")
    );

    // Knowing that, they send it again; the first, whose page is old by now, cannot undo it unseen.
    lock(&second).await;
    assert!(second.text("#decided ~ ul").await.contains("speaks Spanish"));
    first.click(".decisions button").await;
    let refused = first.text("main").await;
    assert!(refused.contains("Changed meanwhile") && refused.contains("load the page anew"), "{refused}");
    first.open(&page).await;
    let stands = first.text("#decided ~ ul").await;
    assert!(stands.contains("speaks Spanish") && !stands.contains("the school asked"), "{stands}");
    for window in [first, second] {
        window.client.close().await.expect("the window closes");
    }
}
