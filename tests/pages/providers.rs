//! A provider in a real browser: one's account is linked there, and lets in from there, under the policy of the pages.

use crate::browser::Driver;
use crate::house::{EMAIL, House, PASSWORD};
use crate::mock::Mock;

#[tokio::test]
async fn an_account_is_linked_to_a_provider_and_lets_in_from_there() {
    let mock = Mock::start();
    let house = House::furnished_with(&[("BELLWETHER_OIDC", &format!("Local {} bellwether hush", mock.address))]);
    let driver = Driver::start();
    let window = driver.window(1440, 1500, false).await;
    window.sign_in(&house.address).await;

    // Whoever it is there, even with a name like this.
    let subject = "<img src=x onerror=window.owned=1>";
    window.open(&format!("{}/account/links", house.address)).await;
    window.fill("#password-local", PASSWORD).await;
    window.click("form[action='/account/links/local'] button").await;
    window.fill("input[name='sub']", subject).await;
    window.click("form button").await;
    window.find("form[action$='/remove']").await;
    assert!(window.text("form[action$='/remove'] p").await == subject, "as text");
    assert!(window.number("Number(window.owned !== undefined)").await < 1.0);

    window.click("form[action='/sign-out'] button").await;
    window.click("form[action='/sign-in/with/local'] button").await;
    window.fill("input[name='sub']", "somebody else").await;
    window.click("form button").await;
    assert!(window.text(".note.bad").await.contains("Nobody here is linked"));
    window.click("form[action='/sign-in/with/local'] button").await;
    window.fill("input[name='sub']", subject).await;
    window.click("form button").await;
    window.find("form[action='/sign-out']").await;
    window.open(&format!("{}/account", house.address)).await;
    assert!(window.text("main").await.contains(EMAIL));
    window.client.close().await.expect("the window closes");
}
