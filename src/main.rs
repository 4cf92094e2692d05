//! The program `bellwether`: hands its arguments to `cli` and exits with what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    bellwether::cli::main()
}
