//! Every page there is, as everyone who may see it, on a phone and at a desk, light and dark: no serious finding of axe,
//! nothing wider than the window, no time without its zone, everything reached by keyboard.

use std::collections::BTreeMap;

use bellwether::domain::actor::Role;
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Driver, Window};
use crate::house::{House, Person};
use crate::sent;
use crate::table::{OPEN, ROUTES};

/// How many is still to be said.
const SESSIONS: &str = "/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=";

/// Widths, and whether it is dark: the administrator, who sees most, looks in every way.
const ALL_LOOKS: [(u32, bool); 4] = [(1440, false), (1440, true), (360, false), (360, true)];
const LOOKS: [(u32, bool); 2] = [(1440, false), (360, true)];

/// Pages that the README shows: who looks, at what, how.
const SHOWN: [(Role, &str, &str, u32, bool); 12] = [
    (Role::Coordinator, "/", "home", 1440, false),
    (Role::Coordinator, "/runs", "runs", 1440, false),
    (Role::Coordinator, "/runs/{runs}", "run", 1440, false),
    (Role::Administrator, "/educators/{educators}/week", "week", 1440, false),
    (Role::Administrator, "/educators/{educators}/week", "week", 1440, true),
    (Role::Educator, "/educators/{educators}/week", "week", 360, true),
    (Role::DistrictHr, "/schools/{schools}/week", "school", 1440, false),
    (Role::Administrator, "/accounts", "accounts", 1440, false),
    (Role::DistrictHr, "/vacancies", "vacancies", 1440, false),
    (Role::DistrictHr, "/vacancies", "vacancies", 360, true),
    (Role::Coordinator, "/vacancies/figures", "time-to-fill", 1440, false),
    (Role::Educator, "/offers", "offers", 360, true),
];

/// Where addresses begin that are not for people.
pub const MACHINES: [&str; 6] = ["/api/", "/feeds/", "/assets/", "/healthz", "/readyz", "/metrics"];

/// Addresses that give pages, with the letters of the roles let in.
fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let gives = ROUTES
        .iter()
        .filter(|route| route.method == "GET" && !MACHINES.iter().any(|part| route.path.starts_with(part)));
    gives.map(|route| (route.path, route.own))
}

/// Ids to put into addresses, as whoever is signed in finds them through the API.
pub struct Ids<'w> {
    window: &'w Window,
    known: BTreeMap<String, String>,
}

impl<'w> Ids<'w> {
    pub fn of_whoever(window: &'w Window) -> Self {
        Self { window, known: BTreeMap::new() }
    }

    pub fn know(&mut self, kind: &str, id: &str) {
        self.known.insert(kind.to_owned(), id.to_owned());
    }

    async fn first(&self, path: &str) -> Value {
        let (status, _, text) = self.window.fetched(path, "application/json").await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")["items"][0].clone()
    }

    async fn of(&mut self, kind: &str) -> String {
        if let Some(id) = self.known.get(kind) {
            return id.clone();
        }
        let found = match kind {
            // Those of whom there is something to see.
            "educators" | "schools" | "districts" => {
                self.session().await[format!("{}_id", kind.trim_end_matches('s'))].clone()
            }
            "students" => self.student().await.unwrap_or(Value::Null),
            "absence" => self.absence().await,
            _ => self.first(&format!("/api/v1/{kind}?limit=1")).await["id"].clone(),
        };
        let id = found.as_str().unwrap_or_else(|| panic!("the demo has none of {kind}; say here how to find one"));
        self.known.insert(kind.to_owned(), id.to_owned());
        id.to_owned()
    }

    /// The first that they may see.
    async fn session(&self) -> Value {
        self.first(&format!("{SESSIONS}1")).await
    }

    /// The first with a session that they may see; an educator of sections alone has none.
    pub async fn student(&self) -> Option<Value> {
        let (.., text) = self.window.fetched(&format!("{SESSIONS}200"), "application/json").await;
        let sessions: Value = serde_json::from_str(&text).expect("JSON");
        let sessions = sessions["items"].as_array().expect("items");
        sessions.iter().find_map(|one| one["students"].get(0)).map(|student| student["student_id"].clone())
    }

    /// Of somebody who would have had a session that day.
    async fn absence(&self) -> Value {
        let session = self.session().await;
        let on = &session["starts_at"].as_str().expect("an instant")[..10];
        let term = self.first("/api/v1/terms?limit=1").await;
        let away = json!({ "term_id": term["id"], "first_on": on, "last_on": on, "reason": "ill" });
        let path = format!("/api/v1/educators/{}/absences", session["educator_id"].as_str().expect("an id"));
        let (status, _, text) = self.window.sent(&path, &away).await;
        assert_eq!(status, 201, "{text}");
        serde_json::from_str::<Value>(&text).expect("JSON")["absence"]["id"].clone()
    }

    /// An address or a form with ids in it.
    pub async fn filled(&mut self, path: &str) -> String {
        let mut filled = String::new();
        for (n, part) in path.split(['{', '}']).enumerate() {
            if n % 2 == 0 { filled += part } else { filled += &self.of(part).await }
        }
        filled
    }
}

/// Looks at every page that this role may see; returns what is wrong.
async fn look(driver: &Driver, house: &House, role: Role, person: &Person, (width, dark): (u32, bool)) -> Vec<String> {
    let window = driver.window(width, 1000, dark).await;
    window.sign_in_as(&house.address, &person.email, &person.password).await;
    let mut ids = Ids::of_whoever(&window);
    let mut faults = Vec::new();
    let mut seen = 0;
    let place = Role::ALL.iter().position(|one| *one == role).expect("a role");
    for (page, letters) in pages().filter(|(_, letters)| letters.as_bytes().get(place) == Some(&b'y')) {
        if page.contains("{students}") && role == Role::Educator && ids.student().await.is_none() {
            continue;
        }
        let path = ids.filled(page).await;
        let (status, kind, _) = window.fetched(&path, "text/html").await;
        if !kind.starts_with("text/html") {
            continue; // a file to keep
        }
        assert_eq!(status, 200, "{path} as {role}, {letters}");
        window.open(&format!("{}{path}", house.address)).await;
        window.find("main h1").await;
        faults.extend(window.faults(&format!("{page} as {role}")).await);
        for (.., name, _, _) in SHOWN.iter().filter(|s| (s.0, s.1, s.3, s.4) == (role, page, width, dark)) {
            window.picture(name).await;
        }
        seen += 1;
    }
    assert!(seen >= 3, "{role} sees more than {seen} pages");
    window.client.close().await.expect("the window closes");
    faults
}

#[tokio::test]
async fn every_page_is_for_everyone_on_a_phone_and_at_a_desk_light_and_dark() {
    let (house, people) = House::demonstrated();
    let driver = Driver::start();
    let mut faults = Vec::new();
    for (role, person) in Role::ALL.into_iter().zip(&people) {
        let looks = if role == Role::Administrator { &ALL_LOOKS[..] } else { &LOOKS };
        for look_at in looks {
            faults.extend(look(&driver, &house, role, person, *look_at).await);
        }
    }
    // Only now: what is sent changes what there is to see.
    for (role, person) in Role::ALL.into_iter().zip(&people) {
        for look_at in LOOKS {
            faults.extend(sent::send(&driver, &house, role, person, look_at).await);
        }
    }
    assert_eq!(people.len(), Role::ALL.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn the_ways_in_an_empty_house_and_a_run_that_waits_are_for_everyone_too() {
    let (empty, waiting) = (House::empty(), House::without_a_worker());
    let driver = Driver::start();
    let mut faults = Vec::new();
    for (width, dark) in ALL_LOOKS {
        let window = driver.window(width, 1000, dark).await;
        for (page, _) in
            pages().filter(|(page, letters)| *letters == OPEN && page.starts_with("/sign-in") && !page.contains('{'))
        {
            window.open(&format!("{}{page}", empty.address)).await;
            window.find("main h1").await;
            faults.extend(window.faults(page).await);
        }
        window.sign_in(&empty.address).await;
        for page in [
            "/",
            "/runs",
            "/educators",
            "/schools",
            "/vacancies",
            "/vacancies/new",
            "/vacancies/figures",
            "/offers",
            "/no-such-page",
        ] {
            window.open(&format!("{}{page}", empty.address)).await;
            window.find("main .empty, main code").await;
            faults.extend(window.faults(&format!("{page} of an empty house")).await);
        }
        window.client.close().await.expect("the window closes");

        let window = driver.window(width, 1000, dark).await;
        window.sign_in(&waiting.address).await;
        window.open(&format!("{}/runs", waiting.address)).await;
        window.click("form[action='/runs'] button").await;
        window.find("[data-events]").await;
        faults.extend(window.faults("a run that waits").await);
        window.client.close().await.expect("the window closes");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn a_page_is_walked_with_the_keyboard_alone_and_the_focus_is_always_seen() {
    let house = House::without_a_worker();
    let driver = Driver::start();
    let window = driver.window(1440, 1000, false).await;
    window.sign_in(&house.address).await;
    let press = async |key: Key| {
        let focused = window.client.active_element().await.expect("something has the focus");
        focused.send_keys(&String::from(char::from(key))).await.expect("a key is pressed");
    };
    for page in ["/", "/runs", "/educators", "/account"] {
        window.open(&format!("{}{page}", house.address)).await;
        press(Key::Tab).await;
        let skip = "Number(document.activeElement.matches('.skip') && document.activeElement.getBoundingClientRect().top >= 0)";
        assert!(window.number(skip).await > 0.0, "{page}: the first stop is the way past the navigation");
        press(Key::Enter).await;
        assert!(window.number("Number(document.activeElement.id === 'main')").await > 0.0, "{page}");
        // From there through everything; the browser itself comes after the last stop.
        let can = "[...document.querySelectorAll('main a[href], main button, main input, main select')]\
                   .filter(e => !e.disabled && e.checkVisibility()).length";
        let all = window.number(can).await;
        let mut stops = 0.0;
        while stops < all {
            press(Key::Tab).await;
            let inside = "Number(document.activeElement.closest('main') !== null)";
            if window.number(inside).await < 1.0 {
                break;
            }
            let seen = "Number(getComputedStyle(document.activeElement).outlineStyle !== 'none')";
            assert!(window.number(seen).await > 0.0, "{page}: stop {stops} does not show that it has the focus");
            stops += 1.0;
        }
        assert!(stops >= all.min(3.0), "{page}: {stops} stops of {all}");
    }
    window.client.close().await.expect("the window closes");
}
