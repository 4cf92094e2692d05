//! A coordinator decides what the engine left open: a need, its candidates, a lock, another run, what that changes; and
//! the board, by keyboard.

use fantoccini::Locator;
use fantoccini::key::Key;

use crate::browser::{Driver, Window};
use crate::house::House;

/// Starts the run that the form asks for, and waits for its end.
async fn solved(window: &Window) {
    window.fill("#seconds", "10").await;
    window.click("form[action='/runs'] button").await;
    window.find("#answer").await;
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
    // Not the one who serves it, if there is another.
    let all = window.client.find_all(Locator::Css("input[name='educator']")).await.expect("candidates");
    let choice = &all[all.len() - 1];
    let chosen = choice.prop("value").await.expect("a property").expect("an id");
    choice.click().await.expect("chosen");
    window.fill("#reason", "the school asked for them").await;
    window.picture("need").await;
    window.click("button[value='lock']").await;
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
