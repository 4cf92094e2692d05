//! A coordinator's first journey: from a term to a published week on both clocks.

use fantoccini::Locator;

use crate::browser::{Driver, Window};
use crate::house::House;

#[tokio::test]
async fn a_term_is_planned_watched_published_and_seen_on_both_clocks() {
    let house = House::furnished();
    let driver = Driver::start();
    let window = driver.window(1440, 1500, false).await;

    // Whoever comes to a page before they are known is brought there once they are.
    window.open(&format!("{}/educators", house.address)).await;
    window.find("form[action='/sign-in'] [name='next'][value='/educators']").await;
    window.sign_in(&house.address).await;
    window.open(&house.address).await;
    assert!(window.text("dl.figures").await.contains("60"), "the term shows its numbers");
    window.click("a[href^='/runs?term=']").await;

    window.fill("#seconds", "nonsense").await;
    window.click("form[action='/runs'] button").await;
    assert!(window.text(".wrong").await.contains("whole seconds"), "a refused form says why");
    window.fill("#seconds", "10").await;
    window.fill("#gap", "0").await;
    window.click("form[action='/runs'] button").await;

    // The live page moves by itself: first the figures, then the answer, without a click.
    window.find("[data-events][data-began]").await;
    window.find("progress:not([value='0'], [value='1'])").await;
    window.find("#answer").await;
    let verdict = window.text(".verdict").await;
    assert!(verdict.contains("It costs $") && (verdict.contains("proven")), "{verdict}");

    window.click("a[href$='/publish']").await;
    assert!(window.text("#who ~ table").await.contains("Gains"), "who will see a change");
    window.click("form[action$='/publish'] button").await;
    window.find("#publish ~ p .badge.good").await;
    let published = window.text("section[aria-labelledby='publish']").await;
    assert!(published.contains("Published") && published.contains("as version 1"), "{published}");

    educator_on_two_clocks(&window, &house.address).await;
    let clocks = window.text(".block:has(.other) .clocks").await;
    let zones = clocks.split(|c: char| !c.is_ascii_uppercase()).filter(|word| word.len() == 3).count();
    assert_eq!(zones, 2, "both clocks with their zones: {clocks}");
    let depth = "Math.max(...[...document.querySelectorAll('.day .block')].map(block => \
                 block.getBoundingClientRect().top - block.parentElement.getBoundingClientRect().top))";
    assert!(window.number(depth).await > 90.0, "the time grid places its sessions by the hour");

    window.click("form[action$='/feeds'] button").await;
    let feed = window.find("#address").await.prop("value").await.expect("a property").unwrap_or_default();
    assert!(feed.starts_with(&house.address) && feed.contains("/feeds/"), "{feed}");
    window.click("main a.button").await;
    window.click("form[action$='/revoke'] button").await;
    window.find("section[aria-labelledby='subscribe']:not(:has(form[action$='/revoke']))").await;

    window.open(&format!("{}/runs/none", house.address)).await;
    assert!(window.text("main").await.contains("What to do"), "a refusal is a page");

    window.client.close().await.expect("the window closes");
}

/// Finds, through the search on the index, an educator who teaches in another zone; stays on their week.
async fn educator_on_two_clocks(window: &Window, address: &str) {
    window.open(&format!("{address}/educators")).await;
    let all = window.client.find_all(Locator::Css("#found tbody tr")).await.expect("rows").len();
    // htmx narrows the list while one types, under the Content-Security-Policy.
    window.fill("#q", "e00007").await;
    window.find("#found tbody tr:only-child").await;
    assert!(all > 1 && window.client.current_url().await.expect("an address").query() == Some("q=e00007"));
    window.open(&format!("{address}/educators")).await;
    let mut weeks = Vec::new();
    for link in window.client.find_all(Locator::Css("#found tbody a")).await.expect("links") {
        weeks.push(link.prop("href").await.expect("a property").expect("an address"));
    }
    for week in weeks {
        window.open(&week).await;
        if window.client.find(Locator::Css(".block .other")).await.is_ok() {
            return;
        }
    }
    panic!("no educator of the made-up term teaches in another zone");
}
