//! A provider of accounts on this machine, which believes whoever says who they are: for the tests of the service and the pages.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Gone when dropped.
pub struct Mock {
    process: Child,
    pub address: String,
}

impl Mock {
    pub fn start() -> Self {
        let python = std::env::var("BELLWETHER_PYTHON").expect("BELLWETHER_PYTHON names a Python; script/test does");
        let mut process = Command::new(python)
            .args(["-W", "ignore", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/provider.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the provider starts");
        let mut address = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut address).expect("a line");
        let address = address.trim().to_owned();
        assert!(address.starts_with("http://localhost:"), "{address:?}; script/setup test installs the provider");
        Self { process, address }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
