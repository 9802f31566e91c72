//! The command line: arguments, one file for each subcommand, exit codes.

pub mod conformance;
