//! The program under test: a fresh SQLite database with a made-up term, served on a free port.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bellwether");

/// Of the one account there is: an administrator.
pub const EMAIL: &str = "ana@test.example";
pub const PASSWORD: &str = "otter violin cactus breeze";

/// Gone, with its processes and files, when dropped.
pub struct House {
    server: Child,
    pub address: String,
    pub database: String,
    dir: TempDir,
}

impl House {
    /// With a made-up term of a size that is solved in seconds.
    pub fn furnished() -> Self {
        Self::furnished_with(&[])
    }

    /// The same, and a server with these settings.
    pub fn furnished_with(settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let problem = dir.path().join("problem.json");
        let problem = problem.to_str().expect("a path of text");
        let database = format!("sqlite:{}", dir.path().join("pages.db").display());
        let size = "--districts 5 --sections 60 --services 60 --educators 24 --seed 3 --out";
        run(Command::new(PROGRAM).arg("generate").args(size.split(' ')).arg(problem));
        run(Command::new(PROGRAM).args(["import", "problem", problem, "--db", &database]));
        let password = dir.path().join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        let create = ["admin", "create", "--email", EMAIL, "--name", "Ana Lopez", "--db", &database, "--password-file"];
        run(Command::new(PROGRAM).args(create).arg(&password));
        let log = std::fs::File::create(dir.path().join("server.log")).expect("a file");
        let mut server = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--db", &database])
            .env("BELLWETHER_KEYS", format!("test:{}", "11".repeat(32)))
            .envs(settings.iter().copied())
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
pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    line
}

/// Where pictures of pages are kept.
pub fn screenshots() -> PathBuf {
    let folder = Path::new(PROGRAM).ancestors().nth(2).expect("target").join("screenshots");
    std::fs::create_dir_all(&folder).expect("a folder for screenshots");
    folder
}
