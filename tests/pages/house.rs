//! The program under test: a fresh SQLite database with a made-up term, served on a free port.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bellwether");

/// Of the one account there is: an administrator.
pub const EMAIL: &str = "ana@test.example";
/// Of every server of the tests.
const KEYS: &str = "test:1111111111111111111111111111111111111111111111111111111111111111";
pub const PASSWORD: &str = "otter violin cactus breeze";

/// Gone, with its processes and files, when dropped.
pub struct House {
    server: Child,
    pub address: String,
    pub database: String,
    dir: TempDir,
}

/// Who may sign in to the demo.
pub struct Person {
    pub email: String,
    pub password: String,
}

impl House {
    /// With a made-up term of a size that is solved in seconds.
    pub fn furnished() -> Self {
        Self::furnished_with(&[])
    }

    /// The same, and a server with these settings.
    pub fn furnished_with(settings: &[(&str, &str)]) -> Self {
        Self::with(&["--districts 5 --sections 60 --services 60 --educators 24 --seed 3"], &[], settings)
    }

    /// Where runs wait for ever, so that nothing moves while one looks.
    pub fn without_a_worker() -> Self {
        Self::with(&["--districts 2 --sections 12 --services 8 --educators 8 --seed 3"], &["--no-worker"], &[])
    }

    /// Without any record.
    pub fn empty() -> Self {
        Self::with(&[], &["--no-worker"], &[])
    }

    fn with(terms: &[&str], options: &[&str], settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let problem = dir.path().join("problem.json");
        let problem = problem.to_str().expect("a path of text");
        let database = format!("sqlite:{}", dir.path().join("pages.db").display());
        run(Command::new(PROGRAM).args(["migrate", "--db", &database]));
        for size in terms {
            run(Command::new(PROGRAM).arg("generate").args(size.split(' ')).args(["--out", problem]));
            run(Command::new(PROGRAM).args(["import", "problem", problem, "--db", &database]));
        }
        let password = dir.path().join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        let create = ["admin", "create", "--email", EMAIL, "--name", "Ana Lopez", "--db", &database, "--password-file"];
        run(Command::new(PROGRAM).args(create).arg(&password));
        let log = std::fs::File::create(dir.path().join("server.log")).expect("a file");
        let mut server = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--db", &database])
            .env("BELLWETHER_KEYS", KEYS)
            .envs(settings.iter().copied())
            .args(options)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let line = first_line(&mut server);
        let address = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address").to_owned();
        Self { server, address, database, dir }
    }

    /// A file beside the database.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// As a newcomer starts it: `bellwether demo`, with one person of each role, in the order of `Role::ALL`.
    pub fn demonstrated() -> (Self, Vec<Person>) {
        let dir = TempDir::new().expect("a temporary directory");
        let database = format!("sqlite:{}", dir.path().join("demo.db").display());
        let log = std::fs::File::create(dir.path().join("server.log")).expect("a file");
        let mut server = Command::new(PROGRAM)
            .args(["demo", "--listen", "127.0.0.1:0", "--db", &database])
            .env("BELLWETHER_KEYS", KEYS)
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the demo starts");
        let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
        let mut house = Self { server, address: String::new(), database, dir };
        let mut people = Vec::new();
        while house.address.is_empty() {
            let line = lines.next().expect("the demo serves").expect("text");
            let mut words = line.split_whitespace();
            if line.starts_with("listening on ") {
                house.address = words.find(|word| word.starts_with("http://")).map(str::to_owned).expect("an address");
            } else if let (Some(email), Some(password)) = (words.find(|word| word.contains("@demo.")), words.next()) {
                people.push(Person { email: email.to_owned(), password: password.to_owned() });
            }
        }
        (house, people)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What a child says first on its standard output.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    line
}

/// Where pictures of pages are kept: in `BELLWETHER_SHOTS`, else beside what cargo builds.
pub fn screenshots() -> PathBuf {
    let beside = || Path::new(PROGRAM).ancestors().nth(2).expect("target").join("screenshots");
    let folder = std::env::var("BELLWETHER_SHOTS").map_or_else(|_| beside(), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("a folder for screenshots");
    folder
}
