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
    window.picture("run-live").await;
    window.find("#answer").await;
    let verdict = window.text(".verdict").await;
    assert!(verdict.contains("It costs $") && (verdict.contains("proven")), "{verdict}");
    let run = window.client.current_url().await.expect("an address").to_string();

    window.click("form[action$='/publish'] button").await;
    window.find("#publish ~ p .badge.good").await;
    let published = window.text("section[aria-labelledby='publish']").await;
    assert!(published.contains("Published") && published.contains("as version 1"), "{published}");

    let week = educator_on_two_clocks(&window, &house.address).await;
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

    let school = school_of(&window, &week).await;
    window.client.close().await.expect("the window closes");
    pictures(&driver, &house.address, &[("run", &run), ("educator-week", &week), ("school-week", &school)]).await;
}

/// Finds, through the search on the index, an educator who teaches in another zone; stays on their week.
async fn educator_on_two_clocks(window: &Window, address: &str) -> String {
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
            return week;
        }
    }
    panic!("no educator of the made-up term teaches in another zone");
}

/// The week of the first school that this educator teaches at.
async fn school_of(window: &Window, week: &str) -> String {
    window.open(week).await;
    let with = window.text(".block .with").await;
    let name = with.split(" · ").last().unwrap_or_default().to_owned();
    let address = week.split("/educators").next().unwrap_or_default();
    window.open(&format!("{address}/schools?q={}", name.replace(' ', "%20"))).await;
    window.find("#found tbody a").await.prop("href").await.expect("a property").expect("an address")
}

/// Every page, wide and narrow, light and dark.
async fn pictures(driver: &Driver, address: &str, found: &[(&str, &str)]) {
    let fixed = [
        ("home", "/"),
        ("runs", "/runs"),
        ("educators", "/educators"),
        ("schools", "/schools"),
        ("account", "/account"),
        ("accounts", "/accounts"),
    ];
    for (width, dark) in [(1440, false), (1440, true), (360, false), (360, true)] {
        let window = driver.window(width, 1500, dark).await;
        window.open(&format!("{address}/sign-in")).await;
        window.picture("sign-in").await;
        window.sign_in(address).await;
        for (page, path) in fixed {
            window.open(&format!("{address}{path}")).await;
            window.picture(page).await;
        }
        for (page, address) in found {
            window.open(address).await;
            window.picture(page).await;
        }
        window.client.close().await.expect("the window closes");
    }
}
