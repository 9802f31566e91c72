//! The `hpasim` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    hpasim::cli::main()
}
