//! What the pages answer to what is sent to them: refusals with what was typed, previews, secrets shown once. As everyone who
//! may send it, on a phone and at a desk; what leads on to another page is looked at there.

use std::time::{Duration, Instant};

use bellwether::domain::actor::Role;
use serde_json::json;

use crate::browser::{Driver, Window};
use crate::every::{Ids, MACHINES};
use crate::house::{House, Person};
use crate::table::{OPEN, ROUTES, Sends};

/// What ends the session that looks on, gives a file, or is of things that the demo has none of.
const LEFT_OUT: [&str; 12] = [
    "/sign-out",
    "/account/sign-out",
    "/minutes/export",
    "{accounts}",
    "{tokens}",
    "{log}",
    "{make-up}",
    "{proposal}",
    "{offer}",
    "{mail}",
    "-feed}",
    "/runs/{runs}/publish",
];

/// Forms in order, or wrong in one field, beside those of the table.
const MORE: [(&str, &str); 7] = [
    (
        "/runs",
        "term={terms}&seconds=60&gap=1&with_count=2&with_areas=welding&with_states=AZ&with_zone=America/Phoenix&with_hours=20\
         &with_from=08:00&with_to=16:00",
    ),
    ("/accounts", "email={unknown}@test.example&name=Somebody+new&role=coordinator"),
    ("/account/tokens", "name=a+program&days=30&scope=read"),
    ("/account/app", "password={password}"),
    ("/account/profile", "name=&tz=Mars&seen=1"),
    ("/vacancies", "district={districts}&term={terms}&title=Algebra&period=x&course=y"),
    ("/educators/{educators}/absences", "term={terms}&first=2026-12-02&last=2026-12-01&reason=ill"),
];

/// Sends a form as a page would.
const SEND: &str = "
    const form = document.createElement('form');
    [form.method, form.action] = ['post', arguments[0]];
    for (const [name, value] of new URLSearchParams(arguments[1])) {
        const field = document.createElement('input');
        [field.type, field.name, field.value] = ['hidden', name, value];
        form.append(field);
    }
    document.body.append(form);
    document.documentElement.dataset.left = '';
    form.submit();";

/// What has come: nothing yet, a page that was answered at once, or something else (a page that was led to, or no page).
const COME: &str = "
    if (document.readyState !== 'complete' || document.documentElement.dataset.left !== undefined) return 'nothing';
    const led = performance.getEntriesByType('navigation')[0].redirectCount > 0;
    return led || document.contentType !== 'text/html' ? 'other' : 'page';";

/// The forms that this role may send, filled with ids of its own.
fn forms(role: Role) -> Vec<(&'static str, &'static str)> {
    let place = Role::ALL.iter().position(|one| *one == role).expect("a role");
    let lets = |letters: &str| letters != OPEN && letters.as_bytes().get(place) == Some(&b'y');
    let pages = ROUTES.iter().filter(|route| {
        route.method == "POST"
            && lets(route.own)
            && !MACHINES.iter().any(|part| route.path.starts_with(part))
            && !LEFT_OUT.iter().any(|part| route.path.contains(part))
    });
    let mut found = Vec::new();
    for route in pages {
        let body = if let Sends::Form(body) = route.sends { body } else { "" };
        found.push((route.path, body));
        found.extend(MORE.iter().filter(|(path, _)| *path == route.path));
    }
    found
}

/// Sends everything that this role may; returns what is wrong with the answers.
pub async fn send(
    driver: &Driver,
    house: &House,
    role: Role,
    person: &Person,
    (width, dark): (u32, bool),
) -> Vec<String> {
    let window = driver.window(width, 1000, dark).await;
    window.sign_in_as(&house.address, &person.email, &person.password).await;
    let mut ids = Ids::of_whoever(&window);
    ids.know("password", &person.password);
    let (mut faults, mut seen) = (Vec::new(), 0);
    for (path, body) in forms(role) {
        if format!("{path}{body}").contains("{students}") && role == Role::Educator && ids.student().await.is_none() {
            continue;
        }
        ids.know("unknown", &uuid::Uuid::now_v7().to_string());
        let (address, sent) = (ids.filled(path).await, ids.filled(body).await);
        window.open(&format!("{}/account", house.address)).await;
        window.client.execute(SEND, vec![json!(address), json!(sent)]).await.expect("a script runs");
        if come(&window, path).await == "page" {
            window.find("main h1").await;
            faults.extend(window.faults(&format!("what POST {path} ({body}) answers {role}")).await);
            seen += 1;
        }
    }
    assert!(seen >= 3, "{role} is answered with more than {seen} pages");
    window.client.close().await.expect("the window closes");
    faults
}

async fn come(window: &Window, path: &str) -> String {
    let began = Instant::now();
    loop {
        // Between two pages no script runs.
        let come = window.client.execute(COME, Vec::new()).await.ok();
        if let Some(come) = come.as_ref().and_then(|come| come.as_str()).filter(|come| *come != "nothing") {
            return come.to_owned();
        }
        assert!(began.elapsed() < Duration::from_mins(3), "{path} answers nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
