//! Results as text, tables, CSV, JSON and pictures; one writer for each.

pub mod reasons;
