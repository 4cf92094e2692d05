//! Text that would be markup or script, planted in every field that takes text: no browser runs any of it on any page.
//!
//! The fields are those of the API's own description and of the forms on the pages, and the pages are found by following
//! links, so that what is new is covered without a word here. A name that must not be shown is planted besides.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::{Driver, Window, quoted};
use crate::house::{EMAIL, House, PROGRAM};

/// Payloads of the kinds in OWASP's list: elements, attributes, addresses, other namespaces, broken quotes.
const CORPUS: [&str; 12] = [
    "<script>window.owned=1</script>",
    "<img src=x onerror=window.owned=1>",
    "\"><svg onload=window.owned=1>",
    "' autofocus onfocus='window.owned=1",
    "\" autofocus onfocus=\"window.owned=1",
    "</title><script>window.owned=1</script>",
    "</textarea><iframe srcdoc='<script>parent.owned=1</script>'>",
    "<math><mi xlink:href=javascript:window.owned=1>x",
    "javascript:window.owned=1",
    "<details open ontoggle=window.owned=1>",
    "{{constructor.constructor('window.owned=1')()}}",
    "<a hx-get=/runs hx-trigger=load hx-on::load=window.owned=1>x</a>",
];

/// Who a student is: for whoever asks by name and reason, and for no page.
const CANARY: &str = "Quillon-Zephyrine-7391";

/// Pages of one shape that are looked at, beside those of what was planted.
const OF_A_SHAPE: usize = 3;

/// A program with a token, over HTTP as curl sends it.
struct Program<'h> {
    house: &'h House,
    token: String,
}

impl<'h> Program<'h> {
    fn of(house: &'h House, email: &str, name: &str) -> Self {
        let made = Command::new(PROGRAM)
            .args(["admin", "token", "--email", email, "--name", name, "--db", &house.database])
            .args(["--scope", "read", "--scope", "write", "--scope", "accounts"])
            .output()
            .expect("a token");
        Self { house, token: String::from_utf8_lossy(&made.stdout).trim().to_owned() }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u64, Value) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-w", "\n%{http_code}", "-X", method, "-H", "content-type: application/json", "-H"])
            .arg(format!("authorization: Bearer {}", self.token));
        if let Some(body) = body {
            curl.args(["-d", &body.to_string()]);
        }
        let output = curl.arg(format!("{}{path}", self.house.address)).output().expect("curl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.parse().expect("a status"), serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

/// What the API says of itself.
struct Document(Value);

impl Document {
    /// The schema, with its reference followed.
    fn resolved<'d>(&'d self, schema: &'d Value) -> &'d Value {
        match schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            Some(pointer) => self.resolved(self.0.pointer(pointer).expect("a schema")),
            None => schema,
        }
    }

    /// Whether a value of this schema may be any text.
    fn takes_text(&self, schema: &Value) -> bool {
        let schema = self.resolved(schema);
        let kind = &schema["type"];
        let text = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string")));
        text && ["enum", "format", "pattern"].iter().all(|limit| schema[limit].is_null())
    }

    /// Plants a text wherever the body may hold one, but where it was `refused`; tells where.
    fn plant(&self, schema: &Value, at: &str, body: &mut Value, text: &str, refused: &BTreeSet<String>) -> Vec<String> {
        let schema = self.resolved(schema);
        let mut planted = Vec::new();
        if let Some(properties) = schema["properties"].as_object() {
            for (name, schema) in properties {
                let at = format!("{at}/{name}");
                if self.takes_text(schema) && !refused.contains(&at) && !name.starts_with("source") {
                    body[name] = json!(text);
                    planted.push(at);
                } else if !body[name].is_null() {
                    planted.extend(self.plant(schema, &at, &mut body[name], text, refused));
                }
            }
        } else if let Some(list) = body.as_array_mut() {
            for (n, item) in list.iter_mut().enumerate() {
                let at = format!("{at}/{n}");
                if self.takes_text(&schema["items"]) && !refused.contains(&at) {
                    *item = json!(text);
                    planted.push(at);
                } else {
                    planted.extend(self.plant(&schema["items"], &at, item, text, refused));
                }
            }
        }
        planted
    }

    /// What can be created, by the name of its schema, with its address and an example.
    fn creations(&self) -> Vec<(String, String, Value, Value)> {
        let mut found = Vec::new();
        for (path, item) in self.0["paths"].as_object().expect("paths") {
            let content = &item["post"]["requestBody"]["content"]["application/json"];
            if content["example"].is_object() && !path.contains('{') {
                let schema = content["schema"]["$ref"].as_str().expect("a reference");
                let name = schema.rsplit('/').next().unwrap_or_default();
                let kind = name.chars().enumerate().fold(String::new(), |kind, (n, letter)| {
                    let gap = if n > 0 && letter.is_uppercase() { "_" } else { "" };
                    format!("{kind}{gap}{}", letter.to_ascii_lowercase())
                });
                found.push((kind, path.clone(), content["schema"].clone(), content["example"].clone()));
            }
        }
        found
    }
}

/// The example with the ids of what there is; none if something is missing yet.
fn referring(example: &Value, ids: &BTreeMap<String, String>) -> Option<Value> {
    let mut body = example.clone();
    for (name, value) in body.as_object_mut()? {
        if let Some(kind) = name.strip_suffix("_id").filter(|_| name != "source_id") {
            *value = json!(ids.get(kind)?);
        } else if name == "needs" {
            *value = json!([ids.get("section")?]);
        }
    }
    Some(body)
}

/// Creates one of each kind with the text in every field that takes it: the ids, and where the text is kept.
fn furnish(program: &Program, document: &Document, text: &str) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (mut ids, mut kept) = (BTreeMap::new(), BTreeSet::new());
    let mut waiting = document.creations();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(kind, path, schema, example)| {
            let Some(example) = referring(example, &ids) else { return true };
            let mut refused = BTreeSet::new();
            for _ in 0..4 {
                let mut body = example.clone();
                let planted = document.plant(schema, "", &mut body, text, &refused);
                let (status, answer) = program.ask("POST", path, Some(&body));
                if status == 201 {
                    ids.insert(kind.clone(), answer["id"].as_str().expect("an id").to_owned());
                    kept.extend(planted.iter().map(|at| format!("{kind}{at}")));
                    return false;
                }
                let issues = answer["errors"].as_array().into_iter().flatten();
                let more: Vec<String> =
                    issues.filter_map(|issue| Some(issue["pointer"].as_str()?.to_owned())).collect();
                assert!(status == 422 && !more.is_empty(), "{path} {body}: {status} {answer}");
                // Of a part that is refused, whatever is in it.
                refused.extend(planted.into_iter().filter(|at| more.iter().any(|whole| at.starts_with(whole))));
            }
            panic!("{path} does not take its example: {example}, {refused:?}")
        });
        assert!(waiting.len() < before, "these refer to each other: {waiting:?}");
    }
    (ids, kept)
}

/// A problem file whose ids and names are all this text.
fn problem(house: &House, n: usize, text: &str) {
    let file = house.path(&format!("problem-{n}.json"));
    let size = format!("--districts 1 --sections 4 --services 3 --educators 4 --seed {n} --out");
    let made = Command::new(PROGRAM).arg("generate").args(size.split(' ')).arg(&file).status().expect("runs");
    assert!(made.success());
    let mut problem: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("json");
    let mut names = BTreeSet::new();
    each(&mut problem, &mut |key, value| {
        if key == "id" {
            names.extend(value.as_str().map(str::to_owned));
        }
    });
    each(&mut problem, &mut |key, value| match value.as_str() {
        Some(id) if names.contains(id) => *value = json!(format!("{text} {id}")),
        Some(_) if key == "name" => *value = json!(text),
        _ => {}
    });
    std::fs::write(&file, problem.to_string()).expect("written");
    let imported =
        Command::new(PROGRAM).args(["import", "problem"]).arg(&file).args(["--db", &house.database]).output();
    let imported = imported.expect("runs");
    assert!(imported.status.success(), "{text}: {}", String::from_utf8_lossy(&imported.stderr));
}

/// Every text of a value, with the key it stands under.
fn each(value: &mut Value, act: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| {
            act(key, value);
            each(value, act);
        }),
        Value::Array(list) => list.iter_mut().for_each(|value| {
            act("", value);
            each(value, act);
        }),
        _ => {}
    }
}

/// What there is on a page: whether something of ours ran or became an element, the name that must not be there, links.
const LOOK: &str = "const alien = 'script:not([src]), [onerror], [onload], [onfocus], [ontoggle], iframe, math, main img, [href^=\"javascript\"]'; \
     return [window.owned === undefined && document.querySelectorAll(alien).length === 0, \
             !document.documentElement.innerHTML.includes(arguments[0]), \
             [...document.querySelectorAll('a[href]')].map((a) => a.getAttribute('href'))]";

async fn look(window: &Window, page: &str) -> Vec<String> {
    window.find("main").await;
    let seen = window.client.execute(LOOK, vec![json!(CANARY)]).await.expect("a script runs");
    assert_eq!(seen[0], json!(true), "{page} runs what somebody typed");
    assert_eq!(seen[1], json!(true), "{page} shows who a student is");
    serde_json::from_value(seen[2].clone()).expect("links")
}

/// Sends each form of a page that takes text with the text in every field, and looks at what comes back.
async fn fill_forms(window: &Window, address: &str, page: &str, text: &str) -> usize {
    const COUNT: &str = "return [...document.forms].map((form) => [...form.elements].some((field) => \
         field.matches('input:not([type]), input[type=text], input[type=email], input[type=search], input[type=password], textarea')))";
    const SEND: &str = "const form = document.forms[arguments[0]]; \
         let n = 0; /* No two alike: a new password that is typed twice would be taken. */ \
         for (const field of form.elements) if (field.matches('input:not([type=checkbox], [type=radio]), textarea')) { field.type = 'text'; field.value = arguments[1] + '!'.repeat(n++); } \
         document.querySelector('main').id = 'before'; form.submit()";
    let forms = window.client.execute(COUNT, Vec::new()).await.expect("a script runs");
    let forms: Vec<bool> = serde_json::from_value(forms).expect("a list");
    let mut sent = 0;
    for n in (0..forms.len()).filter(|n| forms[*n]) {
        window.client.execute(SEND, vec![json!(n), json!(text)]).await.expect("a script runs");
        window.find("main#main").await;
        look(window, &format!("form {n} of {page}")).await;
        window.open(&format!("{address}{page}")).await;
        sent += 1;
    }
    sent
}

/// The page without what makes each one of its kind another.
fn shape(link: &str) -> String {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    path.split('/').map(|part| if [36, 48].contains(&part.len()) { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn text_that_would_be_script_stays_text_on_every_page() {
    let house = House::furnished();
    let program = Program::of(&house, EMAIL, CORPUS[0]);
    let (_, document) = program.ask("GET", "/api/openapi.json", None);
    let document = Document(document);
    let mut pages: Vec<String> =
        ["/", "/runs", "/educators", "/schools", "/account", "/accounts"].map(Into::into).to_vec();
    let mut everywhere: Option<BTreeSet<String>> = None;
    for (n, text) in CORPUS.iter().enumerate() {
        let (ids, kept) = furnish(&program, &document, text);
        problem(&house, n, text);
        let mail = format!("x{n}+{}@test.example", text.replace(' ', "/"));
        let account =
            json!({"email": mail, "name": text, "role": "special_education", "district_ids": [ids["district"]]});
        let (_, invited) = program.ask("POST", "/api/v1/accounts", Some(&account));
        let token = json!({"name": text, "scopes": ["read"], "days": 1});
        assert_eq!(program.ask("POST", "/api/v1/me/tokens", Some(&token)).0, 201);
        let special = Program::of(&house, &mail, "x");
        let identity = json!({"name": CANARY});
        let kept_name = special.ask("PUT", &format!("/api/v1/students/{}/identity", ids["student"]), Some(&identity));
        assert_eq!(kept_name.0, 204, "{kept_name:?}");
        let quoted = quoted(text);
        pages.extend([
            format!("/schools/{}/week", ids["school"]),
            format!("/educators/{}/week", ids["educator"]),
            format!("/educators?q={quoted}"),
            format!("/schools?q={quoted}"),
            format!("/sign-in?next={quoted}"),
            format!("/runs/{quoted}"),
            format!("/schools/{}/week?on={quoted}", ids["school"]),
            invited["path"].as_str().expect("a path").to_owned(),
        ]);
        everywhere = Some(everywhere.map_or(kept.clone(), |all| &all & &kept));
    }
    // Which they are is the description's to say; that these are among them shows that it is read.
    let everywhere = everywhere.expect("a corpus");
    for field in
        ["district/name", "school/name", "educator/display_name", "course/name", "student/key", "vacancy/title"]
    {
        assert!(everywhere.contains(field), "{field} is not among {everywhere:?}");
    }

    let driver = Driver::start();
    let window = driver.window(1440, 1500, false).await;
    window.sign_in(&house.address).await;
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    let mut known: BTreeSet<String> = pages.iter().cloned().collect();
    let (mut at, mut forms) = (0, 0);
    while at < pages.len() {
        let page = pages[at].clone();
        window.open(&format!("{}{page}", house.address)).await;
        for link in look(&window, &page).await {
            let ours = link.starts_with('/') && !["/api/", "/assets/", "/feeds/"].iter().any(|no| link.starts_with(no));
            let seen = shapes.entry(shape(&link)).or_default();
            if ours && *seen < OF_A_SHAPE && known.insert(link.clone()) {
                *seen += 1;
                pages.push(link);
            }
        }
        // The first of each shape: on it every form, with every text in turn.
        if shapes.insert(format!("form {}", shape(&page)), 1).is_none() {
            for text in CORPUS {
                forms += fill_forms(&window, &house.address, &page, text).await;
            }
        }
        at += 1;
    }
    println!("{} fields, {} pages, {forms} forms: nothing ran", everywhere.len(), pages.len());
    assert!(pages.len() > 100 && forms > 60, "{} pages, {forms} forms", pages.len());
    window.client.close().await.expect("the window closes");
}

/// Every page that a role reaches by links from the first one, of each shape a few, shows nobody's name.
#[tokio::test]
async fn no_page_of_any_role_shows_who_a_student_is() {
    let (house, people) = House::demonstrated();
    // Roles in their order: the fourth coordinates special education.
    let special = Program::of(&house, &people[3].email, "x");
    let (_, students) = special.ask("GET", "/api/v1/students?limit=200", None);
    let students: Vec<&str> =
        students["items"].as_array().expect("items").iter().filter_map(|s| s["id"].as_str()).collect();
    assert!(!students.is_empty(), "the district has students");
    for student in &students {
        let named = special.ask("PUT", &format!("/api/v1/students/{student}/identity"), Some(&json!({"name": CANARY})));
        assert_eq!(named.0, 204, "{named:?}");
    }
    let purpose = json!({"fields": ["name"], "purpose": "test"});
    let (_, shown) =
        special.ask("POST", &format!("/api/v1/students/{}/identity/showings", students[0]), Some(&purpose));
    assert!(shown.to_string().contains(CANARY), "it is kept, and shown to whoever asks by reason: {shown}");

    let driver = Driver::start();
    let mut of_students = 0;
    for (n, person) in people.iter().enumerate() {
        let window = driver.window(1440, 1000, false).await;
        window.sign_in_as(&house.address, &person.email, &person.password).await;
        let mut pages = vec!["/".to_owned(), "/minutes".into()];
        let mut known: BTreeSet<String> = pages.iter().cloned().collect();
        let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
        let mut at = 0;
        while at < pages.len() {
            let page = pages[at].clone();
            window.open(&format!("{}{page}", house.address)).await;
            of_students += usize::from(page.starts_with("/students/"));
            for link in look(&window, &page).await {
                let ours =
                    link.starts_with('/') && !["/api/", "/assets/", "/feeds/"].iter().any(|no| link.starts_with(no));
                let seen = shapes.entry(shape(&link)).or_default();
                if ours && *seen < OF_A_SHAPE && known.insert(link.clone()) {
                    *seen += 1;
                    pages.push(link);
                }
            }
            at += 1;
        }
        assert!(pages.len() > 5, "role {n} reaches {pages:?}");
        window.client.close().await.expect("the window closes");
    }
    assert!(of_students > 3, "pages of students were among them");
}
